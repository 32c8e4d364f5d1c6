"""Every measurement that needs no engine works, in small; how long it takes is not checked here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import audit, bill, handlers, sending, sizing, starts
from tests.bench.harness import Measured, Results, Row, table
from tests.bench.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

QUICK = [row for part in (starts, handlers, bill, sending, sizing, audit) for row in part.ROWS]


@pytest.mark.parametrize("row", QUICK, ids=lambda row: row.name)
def test_a_measurement_works_in_small(row: Row) -> None:
    result = row.result(row.measure(True))
    assert result["a"] >= 0
    assert result["a"] > 0 or row.name == "units-replayed"  # it writes nothing at all


def test_rows_have_names_of_their_own() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("more_is_better", "met"), [(True, False), (False, True)])
def test_a_goal_is_a_floor_where_more_is_better_and_a_ceiling_elsewhere(more_is_better: bool, met: bool) -> None:
    row = Row(
        name="x", what="this", against="that", unit="s", goal=3, measure=lambda _: Measured(a=0, b=0),
        more_is_better=more_is_better,
    )  # fmt: skip
    now = {"x": row.result(Measured(a=4, b=2))}
    assert (now["x"]["ratio"], now["x"]["met"]) == (2, met)
    line = table(["x", "not measured"], now, {"x": {"ratio": 1.5}})[-1]
    goal = "≥ 3 | **no**" if more_is_better else "≤ 3 | yes"
    assert line == f"| x: this | 4 s | 2 s (that) | 2.00 | {goal} | 1.50 |"


def test_what_was_kept_is_of_rows_that_there_are() -> None:
    assert set(Results.read().rows) <= {row.name for row in ROWS}


def test_an_absolute_goal_is_for_what_is_ours() -> None:
    row = Row(
        name="x", what="this", against="that", unit="s", goal=3, absolute=True, measure=lambda _: Measured(a=0, b=0)
    )
    kept = row.result(Measured(a=2, b=8)), row.result(Measured(a=4, b=100))
    assert [each["met"] for each in kept] == [True, False]
    assert "| 4 s | 100 s (that) | 0.04 | ≤ 3 s | **no** |" in table(["x"], {"x": kept[1]}, {})[-1]


@pytest.mark.parametrize(
    ("order", "most"), [(bill.live, 1.5), (bill.month, 4.0), (bill.shuffled, 5.0)], ids=["live", "month", "shuffled"]
)
def test_what_dynamodb_charges_for_3000_events_is_within_the_goal(
    order: Callable[[int], Sequence[str]], most: float
) -> None:
    """Counts, not times: they are the same on every machine."""
    found = bill.charged(order(bill.EVENTS))
    assert bill.EVENTS < found.units <= most * bill.EVENTS
    assert found.requests.total() <= 60 * bill.EVENTS / 1000
