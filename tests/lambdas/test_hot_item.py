"""One subject, one hour: all events of a second count in the same two aggregates, and nothing is lost or late for it.

docs/hot-items.md has the figures of longer runs (`python -m tests.support.hot_item`).
"""

from __future__ import annotations

import pytest

from tests.support.hot_item import HOT, HotItem

UNITS_OF_A_PARTITION = 1000
"""Write units a second ("Read and write capacity limits" of a partition in the Amazon DynamoDB Developer Guide)."""


pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize(("rate", "seconds", "shards"), [(1_000, 4, 4), (10_000, 1.5, 16)])
def test_shards_that_count_in_the_same_item_conflict_and_still_count_each_event_once(
    rate: int, seconds: float, shards: int
) -> None:
    simulation = HotItem(rate, seconds, shards)
    seen = simulation.run()
    assert seen.counted == seen.events == rate * seconds
    assert int(simulation.dynamodb.tables["aggregates"][HOT]["count"]["N"]) == seen.events
    assert seen.conflicts > 0  # or the simulation shows nothing
    # A batch is a transaction, of which each page, the subject and all subjects cost two units.
    assert seen.transactions <= seen.events / 100
    assert seen.units_per_event < 0.6
    assert seen.hot_units < UNITS_OF_A_PARTITION / 4
    assert seen.behind < 15


def test_a_single_shard_meets_no_other() -> None:
    seen = HotItem(1_000, 3, 1).run()
    assert (seen.counted, seen.conflicts) == (3_000, 0)
    # Two pages of 500 a second, each 2 units and mostly in one transaction, and two aggregates of 2 units.
    assert seen.units_per_event == pytest.approx((2 * 2 + 2 * 2) / 1_000, rel=0.5)
