"""The bill of one million events, worked out by hand line by line, against what `estate cost` makes of them.

The prices are written down here from AWS's pages (us-east-1, first tier); nothing of the tool's arithmetic is used.
"""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import cost
from tests.bench import million

if TYPE_CHECKING:
    from pathlib import Path

# aws.amazon.com/lambda/pricing, arm64: a GB-second, a request.
GB_SECOND, INVOCATION = Decimal("0.0000133334"), Decimal("0.20") / 1_000_000
# aws.amazon.com/dynamodb/pricing: a million write and read request units; an hour of a write and of a read unit; a GB.
WRITE, READ = Decimal("0.625") / 1_000_000, Decimal("0.125") / 1_000_000
WRITE_HOUR, READ_HOUR = Decimal("0.00065"), Decimal("0.00013")
KEPT, BACKED_UP = Decimal("0.25"), Decimal("0.20")
# aws.amazon.com/sqs/pricing: a million requests. aws.amazon.com/cloudwatch/pricing: a GB of logs taken in, and kept.
QUEUE = Decimal("0.40") / 1_000_000
LOGS_IN, LOGS_KEPT = Decimal("0.50"), Decimal("0.03")
HOURS = 730

# A million events, live: 2,000 batches of 500 for ingest, 356 ms each; 1,000 of 1,000 for aggregate, 331 ms; 512 MB.
# Written: an event each, 4,000 units of pages, 44,000 of aggregates; read: 2,000 records of pages, half a unit each.
# 300,000 requests to SQS: ten messages at a time are sent, received and deleted. 3,000 invocations log 1 KB each, kept
# for 14 days at 15 %. 0.55 GB are stored, and backed up to any second.
LOAD = """
events: 1000000
functions:
  ingest: {invocations: 2000, billed_ms: 356, memory_mb: 512}
  aggregate: {invocations: 1000, billed_ms: 331, memory_mb: 512}
tables:
  events: {writes: 1000000, stored_gb: 0.55, backup_gb: 0.55%(events)s}
  pages: {writes: 4000, reads: 1000%(pages)s}
  aggregates: {writes: 44000%(aggregates)s}
queues:
  ingest: {requests: 300000}
logs: {ingested_gb: 0.003, retention_days: 14, compression: 0.15}
"""
SAME = {
    ("ingest", "duration"): 2000 * Decimal("0.356") * Decimal("0.5") * GB_SECOND,  # 356 GB-s: 0.0047
    ("ingest", "requests"): 2000 * INVOCATION,  # 0.0004
    ("aggregate", "duration"): 1000 * Decimal("0.331") * Decimal("0.5") * GB_SECOND,  # 165.5 GB-s: 0.0022
    ("aggregate", "requests"): 1000 * INVOCATION,  # 0.0002
    ("events", "stored"): Decimal("0.55") * KEPT,  # 0.1375
    ("events", "backup to any second"): Decimal("0.55") * BACKED_UP,  # 0.11
    ("all functions", "ingested"): Decimal("0.003") * LOGS_IN,  # 0.0015
    ("all functions", "stored"): Decimal("0.003") * Decimal("0.15") * 14 * 24 / HOURS * LOGS_KEPT,  # 0.000006
}
ON_DEMAND = {
    ("events", "writes on demand"): 1_000_000 * WRITE,  # 0.625
    ("pages", "writes on demand"): 4_000 * WRITE,  # 0.0025
    ("pages", "reads on demand"): 1_000 * READ,  # 0.000125
    ("aggregates", "writes on demand"): 44_000 * WRITE,  # 0.0275
}
# 1,000,000 / (730 × 3,600 s) = 0.3805 a second: 1 unit is the least that a table has, so each table has 1 and 1.
PROVISIONED = {
    (table, what): HOURS * price
    for table in ("events", "pages", "aggregates")
    for what, price in (("write capacity", WRITE_HOUR), ("read capacity", READ_HOUR))
}
UNITS = ", read_units: 1, write_units: 1"


def parsed(path: Path, call: Any, more: str) -> dict[str, Any]:
    path.write_text(LOAD % dict.fromkeys(("events", "pages", "aggregates"), more))
    done = call(cost, "--load", str(path), "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def cents(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01"), ROUND_HALF_UP))


@pytest.mark.parametrize(
    ("more", "tables", "total"),
    # 0.0047 + 0.0004 + 0.0022 + 0.0002 + 0.1375 + 0.11 + 0.0015 + 0.12 = 0.3766 in both; and
    # 0.625 + 0.0025 + 0.0001 + 0.0275 = 0.6551, or 3 × 730 × 0.00078 = 1.7082.
    [("", ON_DEMAND, "1.03"), (UNITS, PROVISIONED, "2.08")],
    ids=["on demand", "provisioned"],
)
def test_every_line_of_the_bill_of_a_million_events_is_the_one_worked_out_by_hand(
    more: str, tables: dict[tuple[str, str], Decimal], total: str, tmp_path: Path, call: Any
) -> None:
    by_hand = {**SAME, **tables, ("ingest", "queue"): 300_000 * QUEUE}  # 0.12
    found = parsed(tmp_path / "million.yaml", call, more)
    lines = {
        (line["item"], "queue" if one["component"] == "queues" else line["what"]): line
        for one in found["components"]
        for line in one["lines"]
    }
    assert {key: cents(Decimal(line["exact_after_usd"])) for key, line in lines.items()} == {
        key: cents(amount) for key, amount in by_hand.items()
    }
    for key, amount in by_hand.items():
        assert abs(Decimal(lines[key]["exact_after_usd"]) - amount) < Decimal("1e-12"), key
    assert found["totals"]["after_usd"] == total
    assert cents(sum(by_hand.values(), Decimal(0))) == total
    # What is kept does not grow with events, nor does capacity.
    kept = {"stored", "backup to any second", "write capacity", "read capacity"}
    growing = sum((amount for (_, what), amount in by_hand.items() if what not in kept), Decimal(0))
    assert found["events"] == {
        "count": "1000000", "usd_per_million": total, "growing_usd_per_million": cents(growing),
    }  # fmt: skip


def test_the_table_of_the_document_is_what_its_quantities_come_to_by_hand() -> None:
    ours, events, _ = million.measured()["ours"]
    # 1 for each event; 4 for each of the six pages of 500 in three batches of 1,000, two pages each; the aggregates.
    assert ours.written["events"] == events == 3000
    assert ours.written["pages"] == 3 * 2 * 2
    tables = (ours.written.total() * WRITE + ours.half_read.total() * READ / 2) * 1_000_000 / events
    assert abs(million.cost(million.load("ours"))["tables"] - tables) < Decimal("1e-9")
    # Used at 70 %: units / 3,600 / 0.7 hours of a unit.
    hours = (ours.written.total() * WRITE_HOUR + ours.half_read.total() * READ_HOUR / 2) * 1_000_000 / events / 3600
    provisioned = million.cost(million.provisioned(million.load("ours")))["tables"]
    assert abs(provisioned - hours / Decimal("0.7")) < Decimal("1e-9")
    floor = million.cost(million.load("floor"))
    assert {key: cents(amount) for key, amount in floor.items()} == {
        "functions": "0.00", "queues": "0.12", "tables": "0.63", "logs": "0.00",
    }  # fmt: skip
    naive = million.cost(million.load("naive"))
    assert cents(naive["tables"]) == "4.38"  # 7 × 0.625 = 4.375
