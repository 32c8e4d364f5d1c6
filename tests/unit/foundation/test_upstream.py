from typing import Any

import pulumi
import pytest
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN

from foundation.upstream import Upstream, planned
from tests.support.mocks import STACK_REFERENCE, Recording, UnexpectedCall, record

FOUNDATION = {"organization/estate-foundation/dev": {"suffix": "dev", "role_arns": {"ingest": "arn:role"}, "empty": ""}}


def _exporting(*path: str) -> None:
    pulumi.export("value", Upstream("data", "foundation").require(*path))


@pytest.mark.parametrize(
    ("path", "value"), [(("suffix",), "dev"), (("role_arns", "ingest"), "arn:role"), (("empty",), "")]
)
def test_an_output_is_found_by_its_path(path: tuple[str, ...], value: str) -> None:
    assert record(lambda: _exporting(*path), upstream=FOUNDATION).outputs["value"] == value


def test_the_stack_of_the_same_name_is_read() -> None:
    recording = record(lambda: _exporting("suffix"), upstream=FOUNDATION)
    assert [item.name for item in recording.of(STACK_REFERENCE)] == ["organization/estate-foundation/dev"]


@pytest.mark.parametrize("path", [("region",), ("role_arns", "query"), ("suffix", "deeper")])
def test_a_missing_output_names_the_layer_to_deploy(path: tuple[str, ...]) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        record(lambda: _exporting(*path), upstream=FOUNDATION)
    missing = f"layer foundation has no output {'.'.join(path)!r}"
    assert str(caught.value) == f"{missing}; deploy it first: scripts/deploy_layer.sh foundation dev"


def test_a_stack_that_was_destroyed_but_kept_names_the_layer_to_deploy() -> None:
    with pytest.raises(pulumi.RunError, match=r"deploy_layer\.sh foundation dev"):
        record(lambda: _exporting("suffix"), upstream={"organization/estate-foundation/dev": {}})


def test_a_stack_of_another_environment_does_not_answer() -> None:
    with pytest.raises(UnexpectedCall, match="organization/estate-foundation/prod"):
        record(lambda: _exporting("suffix"), stack="prod", upstream=FOUNDATION)


@pytest.mark.parametrize(("reader", "name"), [("data", "compute"), ("data", "data"), ("foundation", "data")])
def test_reading_against_the_order_is_refused(reader: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"layer {reader} does not read {name}"):
        Upstream(reader, name)


def _seen(recording: Recording) -> Any:
    value = recording.outputs["value"]
    return UNKNOWN if isinstance(value, Unknown) else value


PLAN = {"foundation": {"suffix": "new", "role_arns": {"ingest": "arn:new", "query": UNKNOWN}, "secret": "[secret]"}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("suffix",), "new"),
        (("role_arns", "ingest"), "arn:new"),
        (("role_arns", "query"), UNKNOWN),
        (("role_arns",), UNKNOWN),
        (("secret",), UNKNOWN),
    ],
)
def test_a_preview_takes_what_is_planned_and_what_is_not_known_yet_as_unknown(
    path: tuple[str, ...], value: str
) -> None:
    with planned(PLAN):
        recording = record(lambda: _exporting(*path), upstream=FOUNDATION, preview=True)
    assert _seen(recording) == value
    assert recording.of(STACK_REFERENCE) == []


def test_of_a_layer_that_is_not_there_nothing_is_known() -> None:
    with planned({"foundation": UNKNOWN}):
        assert _seen(record(lambda: _exporting("anything", "at", "all"), preview=True)) == UNKNOWN


def test_an_output_that_is_not_planned_is_missing() -> None:
    with planned(PLAN), pytest.raises(pulumi.RunError, match="layer foundation has no output 'region'"):
        record(lambda: _exporting("region"), upstream=FOUNDATION, preview=True)


def test_a_rollout_never_builds_on_a_plan() -> None:
    with planned(PLAN):
        assert record(lambda: _exporting("suffix"), upstream=FOUNDATION).outputs["value"] == "dev"
    with planned({"foundation": UNKNOWN}), pytest.raises(UnexpectedCall):
        record(lambda: _exporting("suffix"))


def test_a_plan_is_forgotten_after_its_preview() -> None:
    with planned(PLAN):
        pass
    assert record(lambda: _exporting("suffix"), upstream=FOUNDATION, preview=True).outputs["value"] == "dev"
