"""A slow table, or none for an hour, loses no event: the functions with the catalog's capacities in simulated time.

ESTATE_LONG=1 adds 20,000 and 200,000 events (minutes each); with `-s`, each run prints its row of docs/failures.md.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.support.samples import event_text
from tests.support.simulation import Simulation

LONG = os.environ.get("ESTATE_LONG") == "1"
MINUTES = pytest.mark.skipif(not LONG, reason="minutes each: ESTATE_LONG=1")
SIZES = [2_000, *(pytest.param(size, marks=MINUTES) for size in (20_000, 200_000))]
INVALID = 5


pytestmark = pytest.mark.usefixtures("quiet")


def bodies(events: int) -> list[str]:
    """Healthy events over 30 days of 16 subjects, and some that are none, in any order."""
    texts = [
        event_text(
            str(n), {"delay": n % 60, "distance": 500 + n}, subject=f"S{n % 16}",
            time=f"2013-01-{1 + n * 30 // events:02}T{n * 720 // events % 24:02}:15:00Z",
        )
        for n in range(events)
    ]  # fmt: skip
    texts += [f"no event {n}" for n in range(INVALID)]
    random.shuffle(texts)
    return texts


def row(events: int, simulation: Simulation, seconds: float) -> str:
    """Return what a run came to, as a row of the table in docs/failures.md."""
    cells = (
        f"{events:,}", "an hour" if simulation.outage[1] else "–", f"{simulation.throttled:,}",
        f"{simulation.invocations['ingest']:,}", f"{simulation.invocations['aggregate']:,}",
        f"{simulation.deliveries}", f"{simulation.stored_after / 60:,.0f} min", f"{seconds / 60:,.0f} min",
        f"{simulation.oldest_record / 60:,.0f} min", f"{simulation.dynamodb.counted():,}",
        f"{simulation.healthy_dead}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("outage", [(0.0, 0.0), (10.0, 3610.0)], ids=["throttled", "an hour's outage"])
@pytest.mark.parametrize("events", SIZES)
def test_no_healthy_event_is_dead_lettered_and_all_are_counted(events: int, outage: tuple[float, float]) -> None:
    simulation = Simulation(bodies(events), outage=outage)
    seconds = simulation.run(24, events)
    print(row(events, simulation, seconds))
    assert simulation.healthy_dead == 0
    assert simulation.dynamodb.counted() == events
    totals = sum(int(item["count"]["N"]) for item in simulation.dynamodb.items("aggregates") if "subject" not in item)
    assert totals == events
    assert simulation.throttled > 0


def test_invalid_events_are_dead_lettered_within_seconds_while_the_table_is_away() -> None:
    simulation = Simulation(bodies(2_000), outage=(0.0, 3600.0))
    simulation.run(0.02, 2_000)
    assert len(simulation.dead) == INVALID
    assert max(simulation.dead.values()) < 10


def test_with_five_deliveries_all_would_be_dead_lettered() -> None:
    simulation = Simulation(bodies(200), outage=(0.0, 7200.0), receives=5)
    simulation.run(1, 200)
    assert simulation.healthy_dead == 200
