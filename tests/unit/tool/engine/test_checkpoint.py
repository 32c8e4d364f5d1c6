"""Reading of a layer's stack, and changes that make its record void."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.engine import checkpoint
from estate_tool.engine.checkpoint import LEASE_TAG, RECORD_TAG, Record, StackState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEPLOYMENT: dict[str, Any] = {
    "manifest": {"time": "2026-01-01T00:00:00Z"},
    "resources": [
        {"type": "pulumi:pulumi:Stack", "urn": "s", "outputs": {"suffix": "dev"}},
        {"type": "aws:sqs/queue:Queue", "urn": "q", "outputs": {"url": "u"}},
    ],
}


def state(deployment: Any = DEPLOYMENT, record: Record | None = None) -> StackState:
    return StackState(deployment=deployment, record=record)


def rolled_out(inputs: str = "abc", aws: str = "one") -> Record:
    return Record(inputs=inputs, state=state().digest, aws=aws)


def test_the_same_inputs_over_an_untouched_state_are_rolled_out() -> None:
    assert state(record=rolled_out()).is_result_of("abc", "one")
    assert (state().resource_count, state().outputs) == (1, {"suffix": "dev"})


@pytest.mark.parametrize(
    ("record", "inputs", "aws"),
    [
        (None, "abc", "one"),
        (rolled_out(), "other", "one"),
        (rolled_out(), "abc", "two"),
        (rolled_out(aws=""), "abc", "one"),
        (Record(aws="one"), "abc", "one"),
        (Record(aws="one"), "", "one"),
        (rolled_out(inputs=""), "", "one"),
    ],
)
def test_other_inputs_another_aws_and_failed_rollouts_are_not(record: Record | None, inputs: str, aws: str) -> None:
    assert not state(record=record).is_result_of(inputs, aws)


def _edited(deployment: Any) -> None:
    deployment["resources"][1]["outputs"]["url"] = "v"


def _partly_destroyed(deployment: Any) -> None:
    del deployment["resources"][1]


def _failed_half_way(deployment: Any) -> None:
    deployment["resources"][1]["initErrors"] = ["not yet active"]


def _pending(deployment: Any) -> None:
    deployment["pending_operations"] = [{"type": "creating", "resource": {"urn": "r"}}]


@pytest.mark.parametrize("change", [_edited, _failed_half_way, _partly_destroyed, _pending])
def test_whatever_changes_the_state_makes_the_record_void(change: Callable[[Any], None]) -> None:
    deployment = copy.deepcopy(DEPLOYMENT)
    change(deployment)
    assert not state(deployment, rolled_out()).is_result_of("abc", "one")


def test_a_run_that_leaves_every_resource_as_it_was_does_not() -> None:
    deployment = copy.deepcopy(DEPLOYMENT)
    deployment["manifest"] = {"time": "2026-01-01T00:00:01Z"}
    deployment["resources"].reverse()
    deployment["resources"][0] |= {"modified": "now", "sourcePosition": "elsewhere", "dependencies": ["s"]}
    assert state(deployment, rolled_out()).is_result_of("abc", "one")


def test_what_is_pending_is_never_rolled_out_nor_is_nothing() -> None:
    for deployment in ({**DEPLOYMENT, "pending_operations": [{}]}, {"resources": []}, {}):
        record = Record(inputs="abc", state=state(deployment).digest, aws="one")
        assert not state(deployment, record).is_result_of("abc", "one")


@pytest.mark.parametrize("record", [rolled_out(), rolled_out(aws=""), Record(aws="one"), Record()])
def test_a_record_survives_being_a_tag(record: Record) -> None:
    assert Record.parse(str(record)) == record
    assert len(str(rolled_out(inputs="f" * 48, aws="f" * 32))) <= 256


@pytest.mark.parametrize("text", ["", "1 a", "2 a b", "1 a b c", "2 a b c d", "hello"])
def test_what_is_no_record_of_this_version_is_none(text: str) -> None:
    assert Record.parse(text) is None


@pytest.fixture
def backend(tmp_path: Path) -> Path:
    (tmp_path / "meta.yaml").write_text("version: 1\n")
    folder = tmp_path / "stacks" / "estate-data"
    folder.mkdir(parents=True)
    checkpoint = {"version": 3, "checkpoint": {"stack": "organization/data/dev", "latest": DEPLOYMENT}}
    (folder / "dev.json").write_text(json.dumps(checkpoint))
    return tmp_path


def test_states_are_read_from_the_files_of_the_engine(backend: Path) -> None:
    assert checkpoint.from_files(backend, "dev") == {"data": state()}
    assert checkpoint.from_files(backend, "prod") == {}
    record = rolled_out()
    tags = {"version": 1, "tags": {RECORD_TAG: str(record), "owner": "me"}}
    (backend / "stacks" / "estate-data" / "dev.pulumi-tags").write_text(json.dumps(tags))
    assert checkpoint.from_files(backend, "dev") == {"data": state(record=record)}


def test_a_stack_nothing_was_rolled_out_to_has_no_resources(backend: Path) -> None:
    (backend / "stacks" / "estate-data" / "dev.json").write_text('{"version":3,"checkpoint":{"stack":"x"}}')
    (found,) = (checkpoint.from_files(backend, "dev") or {}).values()
    assert (found.resources, found.outputs, found.resource_count) == ([], {}, 0)


def test_tags_are_set_and_removed_without_the_engine_and_others_stay(backend: Path) -> None:
    record, file = rolled_out(), backend / "stacks/estate-data/dev.pulumi-tags"
    for name, value in (("owner", "me"), (RECORD_TAG, str(record)), (LEASE_TAG, "held"), (LEASE_TAG, "")):
        assert checkpoint.set_tag(backend, "data", "dev", name, value)
    assert json.loads(file.read_text()) == {"version": 1, "tags": {"owner": "me", RECORD_TAG: str(record)}}
    assert checkpoint.from_files(backend, "dev") == {"data": state(record=record)}
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("layer", "text"), [("compute", '{"version":1,"tags":{}}'), ("data", '{"version":2,"tags":{}}')]
)
def test_tags_of_no_stack_or_another_version_are_left_to_the_engine(backend: Path, layer: str, text: str) -> None:
    file = backend / f"stacks/estate-{layer}/dev.pulumi-tags"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    assert not checkpoint.set_tag(backend, layer, "dev", LEASE_TAG, "held")
    assert file.read_text() == text


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("meta.yaml", "version: 0\n"),
        ("stacks/estate-data/dev.json", "{"),
        ("stacks/estate-data/dev.json", '{"version": 9}'),
        ("stacks/estate-data/dev.json.gz", ""),
        ("stacks/estate-data/dev.pulumi-tags", "[]"),
    ],
)
def test_files_that_only_the_engine_understands_are_left_to_it(backend: Path, file: str, text: str) -> None:
    (backend / file).write_text(text)
    assert checkpoint.from_files(backend, "dev") is None


def test_a_backend_that_is_not_there_yet_is_left_to_the_engine(tmp_path: Path) -> None:
    assert checkpoint.from_files(tmp_path / "none", "dev") is None
