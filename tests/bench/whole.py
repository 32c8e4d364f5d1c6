"""Real flights through the whole estate on the embedded AWS, against what that can write at all."""

from __future__ import annotations

import json
import time
from itertools import islice
from pathlib import Path
from typing import Any

from estate_tool.events import flights
from shared.events import parse
from tests.bench.checkouts import checkout
from tests.bench.harness import Measured, Row
from tests.integration.answers import assert_aggregates_are_exact
from tests.integration.cloud import make_table
from tests.integration.conftest import EmbeddedAws

PUT_AT_ONCE = 25  # BatchWriteItem takes no more


def _ceiling(aws: EmbeddedAws, texts: list[str]) -> float:
    """Items per second that the embedded AWS writes in bulk, of the same size, with nothing else to do."""
    name, _, _ = make_table(aws)
    dynamodb: Any = aws.client("dynamodb")
    batches = []
    for first in range(0, len(texts), PUT_AT_ONCE):
        items = [{"id": {"S": parse(text).key}, "event": {"S": text}} for text in texts[first : first + PUT_AT_ONCE]]
        batches.append({name: [{"PutRequest": {"Item": item}} for item in items]})
    started = time.perf_counter()
    for batch in batches:
        assert not dynamodb.batch_write_item(RequestItems=batch)["UnprocessedItems"]
    seconds = time.perf_counter() - started
    dynamodb.delete_table(TableName=name)
    return len(texts) / seconds


def _through(events: int, sample: int) -> Measured:
    """Events per second from file to aggregates; every total of every hour is checked."""
    with checkout() as run:
        run.longest = 3600  # on a busy machine the whole year takes more than a test may
        run("scripts/deploy_all.sh", "--skip-preview")
        file = Path(run.root, "flights.ndjson")
        texts = [flights.event(row) for row in islice(flights.rows(), events)]
        file.write_text("\n".join(texts) + "\n")
        before = _ceiling(run.aws, texts[:sample])
        report = json.loads(run("scripts/estate", "send", str(file), "--wait", "--json").stdout)
        after = _ceiling(run.aws, texts[:sample])
        assert (report["aggregated"], report["missing"]) == (events, 0), report
        assert_aggregates_are_exact(run, run.aws, file)
    note = f"{events:,} events in {report['seconds']:.0f} s, all totals exact"
    return Measured(a=events / report["seconds"], b=(before + after) / 2, note=note)


ROWS = (
    Row(
        name="end-to-end-20000", what="20,000 flights from file to aggregates", against="bulk writes alone",
        unit="events/s", goal=0.5, more_is_better=True,
        measure=lambda small: _through(200 if small else 20_000, 200 if small else 5_000),
    ),
    Row(
        name="end-to-end", what=f"{flights.COUNT:,} flights, the whole year, from file to aggregates",
        against="bulk writes alone", unit="events/s", goal=0.5, more_is_better=True,
        measure=lambda small: _through(200 if small else flights.COUNT, 200 if small else 20_000),
    ),
)  # fmt: skip
