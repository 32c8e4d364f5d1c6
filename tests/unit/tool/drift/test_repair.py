"""Repair of drift: the resources read into the state, and the layers to roll out."""

from __future__ import annotations

from typing import Any

import pytest

from estate_tool.core.errors import Failed
from estate_tool.drift import detect, repair
from tests.support.drifted import TABLE, UNTAGGED, FakeEngine, Policies, resource, step, urn


def test_only_what_autoscaling_does_not_explain_is_read_and_rolled_out(empty_estate: Any) -> None:
    engine: Any = FakeEngine(
        step(TABLE, "events", {"readCapacity": 1}, {"readCapacity": 9}, "readCapacity"),
        UNTAGGED,
    )
    drifted = detect.find(engine, empty_estate, ("data",))
    layers = repair.take_in(engine, empty_estate, drifted)
    assert engine.refreshed == {"data": [urn(TABLE, "pages")]}
    assert layers == ("data", "compute")


@pytest.mark.parametrize(("read", "kept"), [(0, 5), (17, None)])
def test_an_ignored_input_keeps_its_value_where_aws_has_none(
    empty_estate: Any, monkeypatch: pytest.MonkeyPatch, read: int, kept: int | None
) -> None:
    """A table that somebody switched to on-demand has no capacities; one that autoscaling moved has other ones."""
    engine: Any = FakeEngine(step(TABLE, "t", {"tags": {"Owner": "a"}}, {"tags": {}}, "tags.Owner"))
    before, after = (resource(TABLE, "t", readCapacity=number) for number in (5, read))
    for table in (before, after):
        table["ignoreChanges"] = ["readCapacity", "writeCapacity"]
    monkeypatch.setattr(engine, "export", lambda _: {"resources": [after if engine.refreshed else before]})
    repair.take_in(engine, empty_estate, detect.find(engine, empty_estate, ("data",)))
    replaced = engine.put_back["data"]["deployment"]["resources"] if engine.put_back else []
    assert [one["inputs"] for one in replaced] == ([{"readCapacity": kept}] if kept else [])


def test_a_repair_removes_what_is_not_declared(empty_estate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    policies = empty_estate.clients["lambda"] = Policies()
    state = [resource("aws:lambda/function:Function", "function", name="lambda-a-dev")]
    engine: Any = FakeEngine()
    monkeypatch.setattr(engine, "export", lambda layer: {"resources": state if layer == "compute" else []})
    drifted = detect.find(engine, empty_estate, ("data", "compute"))
    assert [(one.layer, one.kind, one.expected) for one in drifted] == [("compute", "security", None)]
    assert repair.take_in(engine, empty_estate, drifted) == ("compute",)
    assert "" not in policies.statements


def test_a_state_that_can_not_be_read_anew_stops_the_repair(empty_estate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = FakeEngine(UNTAGGED)
    drifted = detect.find(engine, empty_estate, ("data",))
    monkeypatch.setattr(engine, "refresh", lambda *_: "no answer")
    with pytest.raises(Failed, match="layer data can't be read: no answer") as refused:
        repair.take_in(engine, empty_estate, drifted)
    assert "what is corrected stays" in refused.value.hint
