"""Questions and refusals before a rollout destroys data."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core import aws_errors
from estate_tool.core.errors import Failed, UsageError
from estate_tool.engine.events import Step
from estate_tool.rollout import data_loss
from estate_tool.rollout.approval import Approval
from estate_tool.rollout.data_held import QUEUE, TABLE, Held
from estate_tool.rollout.data_loss import DataLoss
from estate_tool.rollout.display import Display
from estate_tool.rollout.plans import Plan
from estate_tool.rollout.result import PLANNED, LayerResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.tool.conftest import Estate

HELD = {"table-a-dev": 49, "queue-a-dev": 3, "table-empty-dev": 0}


def loss(name: str) -> DataLoss:
    type_ = TABLE if name.startswith("table") else QUEUE
    return DataLoss(layer="data", urn=f"urn:{name}", type=type_, name=name, change="deleted")


def plans(*names: str, changing: bool = True) -> dict[str, Plan]:
    steps = (Step(kind="deleted", urn="urn:a"),) if changing else ()
    losses = tuple(loss(name) for name in names)
    return {"data": Plan(result=LayerResult(layer="data", result=PLANNED), steps=steps, losses=losses)}


@pytest.fixture
def approve(empty_estate: Estate, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Approval]:
    """Make an approval of an environment that holds HELD."""

    def looked_up(found: Any, _client: object) -> list[DataLoss]:
        units = {TABLE: "items", QUEUE: "messages"}
        amounts = [replace(one, held=Held(unit=units[one.type], count=HELD[one.name])) for one in found]
        return [one for one in amounts if one.held]

    monkeypatch.setattr(data_loss, "looked_up", looked_up)
    monkeypatch.setattr(aws_errors, "require_running", lambda _: None)

    def made(*, answer: str | None = None, **how: Any) -> Approval:
        stream = io.StringIO(answer or "")
        stream.isatty = lambda: answer is not None  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", stream)
        target: Any = empty_estate
        return Approval(target=target, display=Display(io.StringIO()), **how)

    return made


@pytest.mark.parametrize("how", [{"yes": True, "asks": False}, {"asks": False}, {"asks": True}])
def test_data_is_not_lost_without_a_confirmation(approve: Any, how: dict[str, Any]) -> None:
    approval = approve(**how)
    with pytest.raises(UsageError) as refused:
        approval(plans("table-a-dev", "queue-a-dev", "table-empty-dev"))
    assert "49 items of table-a-dev, 3 messages of queue-a-dev" in refused.value.message
    assert refused.value.code == "data_loss"
    assert "--lose-data queue-a-dev table-a-dev" in refused.value.hint
    assert [loss["name"] for loss in approval.to_dict()["losses"]] == ["table-a-dev", "queue-a-dev"]
    assert approval.to_dict()["losses"][0]["held"]["count"] == 49


def test_an_answer_at_a_terminal_is_enough(approve: Any, capsys: pytest.CaptureFixture[str]) -> None:
    approve(answer="y\n")(plans("table-a-dev"))
    assert "LOSE 49 items of table-a-dev for good?" in capsys.readouterr().err
    with pytest.raises(UsageError, match="not confirmed"):
        approve(answer="n\n")(plans("table-a-dev"))
    # --yes agrees to changes, not to losses: it asks no less where somebody sits.
    with pytest.raises(UsageError, match="would destroy data"):
        approve(answer="y\n", yes=True)(plans("table-a-dev"))


@pytest.mark.parametrize(
    ("named", "wrong"),
    [
        (["table-a-dev"], ["queue-a-dev is not named"]),
        (["table-a-dev", "queue-a-dev", "table-b-dev"], ["table-b-dev would lose nothing"]),
        (["table-a-dev", "table-empty-dev"], ["queue-a-dev is not named", "table-empty-dev would lose nothing"]),
    ],
)
def test_names_have_to_be_exactly_those_of_what_would_be_lost(approve: Any, named: list[str], wrong: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        approve(yes=True, asks=False, lose=named)(plans("table-a-dev", "queue-a-dev", "table-empty-dev"))
    assert all(part in refused.value.message for part in wrong)
    approve(yes=True, asks=False, lose=["queue-a-dev", "table-a-dev"])(plans("table-a-dev", "queue-a-dev"))


def test_names_where_nothing_would_be_lost_are_refused(approve: Any) -> None:
    for planned in (plans("table-empty-dev"), plans(), {}):
        with pytest.raises(UsageError, match="table-a-dev would lose nothing"):
            approve(yes=True, asks=False, lose=["table-a-dev"])(planned)


def test_what_is_empty_stops_nothing(approve: Any) -> None:
    approval = approve(yes=True, asks=False)
    approval(plans("table-empty-dev"))
    assert approval.losses == []


def test_changes_are_asked_about_and_no_changes_are_not(approve: Any) -> None:
    with pytest.raises(UsageError, match="not a terminal"):
        approve()(plans())
    approve()(plans(changing=False))
    approve()({})
    approve(asks=False)(plans())


def test_a_loss_that_could_not_be_foreseen_stops_its_layer(approve: Any) -> None:
    approval = approve(yes=True, asks=False, lose=["table-a-dev"])
    approval(plans("table-a-dev"))
    approval(plans("table-a-dev"))
    with pytest.raises(Failed) as refused:
        approval(plans("table-a-dev", "queue-a-dev"))
    assert "3 messages of queue-a-dev" in refused.value.message
    assert "table-a-dev" not in refused.value.message


def test_a_preview_reports_it_and_refuses_nothing(approve: Any) -> None:
    approval = approve(preview=True)
    approval(plans("table-a-dev"))
    assert [loss.name for loss in approval.losses] == ["table-a-dev"]
