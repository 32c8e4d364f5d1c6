"""Display of a rollout."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.engine.events import Step
from estate_tool.rollout.data_held import QUEUE as QUEUE_TYPE
from estate_tool.rollout.data_held import TABLE, Held
from estate_tool.rollout.data_loss import DataLoss
from estate_tool.rollout.display import Display
from estate_tool.rollout.result import PLANNED, LayerResult

if TYPE_CHECKING:
    from collections.abc import Callable

TAGGED = "~ update ingest Queue (tags, tagsAll)"
QUEUE = "urn:pulumi:dev::data::estate:data:DeadLetteredQueue$aws:sqs/queue:Queue::ingest"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def shown(tell: Callable[[Display], Any], stream: io.StringIO | None = None) -> list[str]:
    out = stream or io.StringIO()
    tell(Display(out))
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_only_a_terminal_that_wants_them_gets_colours(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (line,) = shown(lambda display: display.layer(1, 4, "data"), Terminal())
    assert line == ("[1/4] \x1b[1mdata\x1b[0m" if coloured else "[1/4] data")
    assert shown(lambda display: display.layer(1, 4, "data")) == ["[1/4] data"]


@pytest.mark.parametrize(
    ("verbose", "steps", "lines"),
    [
        (False, 77, ["~ update 77 resources (tags)"]),
        (False, 1, [TAGGED]),
        (True, 3, [TAGGED] * 3),
        (False, 0, []),
    ],
)
def test_resources_of_which_only_tags_change_are_one_line(verbose: bool, steps: int, lines: list[str]) -> None:
    out = io.StringIO()
    display = Display(out, verbose=verbose)
    for _ in range(steps):
        display.step(Step(kind="updated", urn=QUEUE, changed=("tags", "tagsAll")), planned=True)
    display.step(Step(kind="updated", urn=QUEUE, changed=("tags", "policy")), planned=True)
    display.layer_done(LayerResult(layer="data", result=PLANNED, updated=steps + 1))
    shown = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert sorted(shown[:-1]) == sorted([*lines, "~ update ingest Queue (tags, policy)"])
    # The next layer begins with none.
    display.layer_done(LayerResult(layer="compute", result=PLANNED, same=1))
    assert len(out.getvalue().splitlines()) == len(shown) + 1


def test_a_loss_is_shown_with_the_way_to_keep_a_copy() -> None:
    loss = DataLoss(
        layer="data", urn=QUEUE, type=TABLE, name="table-a-dev", change="replaced", because=("hashKey",),
        held=Held(unit="items", count=49),
    )  # fmt: skip
    first, then = shown(lambda display: display.losses([loss], "dev"))
    assert first == "table-a-dev: 49 items would be LOST (table replaced: hashKey)"
    assert "aws dynamodb create-backup --table-name table-a-dev --backup-name table-a-dev-" in then


def test_failed_messages_of_a_removed_function_are_to_be_replayed_by_code_that_declares_it() -> None:
    loss = DataLoss(
        layer="compute", urn=QUEUE, type=QUEUE_TYPE, name="dlq-a-dev", change="deleted", component="a",
        held=Held(unit="messages", count=4),
    )  # fmt: skip
    lines = shown(lambda display: display.losses([loss], "dev"))
    assert lines[1] == "  → first: scripts/estate redrive a dev"
    assert "with code that still declares a" in lines[2]


def test_a_preview_names_some_of_what_it_can_not_know_and_counts_the_rest() -> None:
    result = LayerResult(layer="compute", result=PLANNED, created=2, same=1, unknown=[f"data.{n}" for n in range(7)])
    assert shown(lambda display: display.layer_done(result)) == [
        "      ? not known before the rollout: data.0, data.1, data.2, data.3, data.4 and 2 more",
        "      2 to create, 1 unchanged in 0.0 s",
    ]
    result.unknown = ["data"]
    assert shown(lambda display: display.layer_done(result))[0].endswith("before the rollout: data")
