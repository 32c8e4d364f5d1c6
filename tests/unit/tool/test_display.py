"""Display of a rollout."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.engine.diagnostics import Diagnostic
from estate_tool.engine.events import Step
from estate_tool.rollout.data_held import QUEUE as QUEUE_TYPE
from estate_tool.rollout.data_held import TABLE, Held
from estate_tool.rollout.data_loss import Loss, Threat
from estate_tool.rollout.display import Display
from estate_tool.rollout.result import FAILED, PLANNED, SKIPPED, LayerResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

TAGGED = "~ ingest Queue would update (tags, tagsAll)"
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
    ("word", "planned", "told"),
    [
        ("updated", False, "~ ingest … Queue … updated  (tags, policy)"),
        ("replaced", True, "± ingest … Queue … would replace  (tags, policy)"),
        ("created", True, "+ ingest … Queue … would create"),
        ("deleted", False, "- ingest … Queue … deleted  (tags, policy)"),
    ],
)
def test_a_change_is_told_with_what_changes_of_it(word: str, planned: bool, told: str) -> None:
    step = Step(word=word, urn=QUEUE, changed=("tags", "policy"))
    (line,) = shown(lambda display: display.step(step, planned=planned))
    mark, name, kind, what = line.split(maxsplit=3)
    assert f"{mark} {name} … {kind} … {what}" == told


@pytest.mark.parametrize(
    ("verbose", "steps", "lines"),
    [
        (False, 77, ["~ 77 resources would update (tags)"]),
        (False, 1, [TAGGED]),
        (True, 3, [TAGGED] * 3),
        (False, 0, []),
    ],
)
def test_resources_of_which_only_tags_change_are_one_line(verbose: bool, steps: int, lines: list[str]) -> None:
    out = io.StringIO()
    display = Display(out, verbose=verbose)
    for _ in range(steps):
        display.step(Step(word="updated", urn=QUEUE, changed=("tags", "tagsAll")), planned=True)
    display.step(Step(word="updated", urn=QUEUE, changed=("tags", "policy")), planned=True)
    display.layer_done(LayerResult(layer="data", result=PLANNED, updated=steps + 1))
    told = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert sorted(told[:-1]) == sorted([*lines, "~ ingest Queue would update (tags, policy)"])
    # The next layer begins with none.
    display.layer_done(LayerResult(layer="compute", result=PLANNED, same=1))
    assert len(out.getvalue().splitlines()) == len(told) + 1


def test_a_loss_is_told_with_the_way_to_keep_a_copy() -> None:
    threat = Threat(layer="data", urn=QUEUE, type=TABLE, name="table-a-dev", change="replaced", because=("hashKey",))
    loss = Loss(threat=threat, held=Held(unit="items", count=49))
    first, then = shown(lambda display: display.losses([loss], "dev"))
    assert first == "table-a-dev: 49 items would be LOST (table replaced: hashKey)"
    assert "aws dynamodb create-backup --table-name table-a-dev --backup-name table-a-dev-" in then


def test_failed_messages_of_a_removed_function_are_told_to_be_replayed_by_code_that_declares_it() -> None:
    threat = Threat(layer="compute", urn=QUEUE, type=QUEUE_TYPE, name="dlq-a-dev", change="deleted", component="a")
    lines = shown(lambda display: display.losses([Loss(threat=threat, held=Held(unit="messages", count=4))], "dev"))
    assert lines[1] == "  → first: scripts/estate redrive a dev"
    assert "with code that still declares a" in lines[2]


def test_a_failed_layer_is_told_with_what_aws_refused() -> None:
    denied = "operation error SQS: CreateQueue, api error AccessDenied: not authorized to perform: sqs:CreateQueue"
    errors = [Diagnostic(message=denied, urn=QUEUE), Diagnostic(message="the program broke")]
    bare = Diagnostic(message="api error Throttling: slow down", urn=QUEUE)
    result = LayerResult(layer="data", result=FAILED, error="ingest: denied\nmend it", errors=[*errors, bare])
    assert shown(lambda display: display.layer_done(result)) == [
        "      failed: ingest: denied", "        mend it",
        "        → ingest (aws:sqs/queue:Queue): AWS answered AccessDenied to sqs:CreateQueue",
        "        → ingest (aws:sqs/queue:Queue): AWS answered Throttling",
    ]  # fmt: skip


def test_a_preview_names_some_of_what_it_can_not_know_and_counts_the_rest() -> None:
    result = LayerResult(layer="compute", result=PLANNED, created=2, same=1, unknown=[f"data.{n}" for n in range(7)])
    assert shown(lambda display: display.layer_done(result)) == [
        "      ? not known before the rollout: data.0, data.1, data.2, data.3, data.4 and 2 more",
        "      2 to create, 1 unchanged in 0.0 s",
    ]
    result.unknown = ["data"]
    assert shown(lambda display: display.layer_done(result))[0].endswith("before the rollout: data")


def test_the_summary_has_a_line_for_each_layer_and_the_way_on() -> None:
    layers = [
        LayerResult(layer="foundation", result="deployed", created=3, updated=1),
        LayerResult(layer="data", result="unchanged"),
        LayerResult(layer="compute", result=FAILED, error="x " * 99 + "\nsecond line"),
        LayerResult(layer="observability", result=SKIPPED, error="layer compute failed"),
    ]
    outcome = Outcome(environment="dev", layers=layers, seconds=4)
    assert shown(lambda display: display.summary(outcome, "rolled out", "do this\nor that")) == [
        "", "environment dev: not finished in 4.0 s",
        "  foundation     deployed   3 created, 1 updated",
        "  data           unchanged  nothing to do",
        f"  compute        failed       {'x ' * 44}…",
        "  observability  skipped      layer compute failed",
        "  → do this", "  → or that",
    ]  # fmt: skip
