"""Cost of a million events: quantities that are counted at the wire or stated here, times the list prices.

`make docs` writes it into docs/cost.md and README.md.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from compute.sizing import memory_by_function
from estate_tool.core import configuration
from estate_tool.costing import idle as idle_load
from estate_tool.costing import report
from estate_tool.pricing import bill as costing
from estate_tool.pricing import prices
from estate_tool.pricing.load import MONTH_DAYS, MONTH_SECONDS, FunctionLoad, Load, LogLoad, QueueLoad, TableLoad
from estate_tool.sizing.recommendation import vcpus
from foundation.catalog import CATALOG, EVENT_RETENTION_DAYS
from foundation.stack_files import FOLDER
from tests.bench import bill
from tests.support.mocks import values_without_default
from tests.support.wire import INGEST_BATCH, STREAM_BATCH, Charged, Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

MILLION = Decimal(1_000_000)
QUEUE_BATCH = 10
"""Messages of one request to SQS; an event is far below the 64 KB that count as one request."""
LATENCY_MS = Decimal(10)
"""For one request to DynamoDB, as a function waits for it."""
LOG_BYTES = Decimal(1024)
"""Of one invocation: Lambda's start and report and a line of ours, and 26 bytes that CloudWatch adds to each."""
TARGET = Decimal("0.7")
PROCESSOR_US = {"ours": Decimal(90), "naive": Decimal(1600)}
"""Of one function per event: the goal of `make bench`, and what it measures of a loop of boto3."""
_COLUMNS = ("ours", "naive", "floor")


@lru_cache(maxsize=1)
def measured() -> dict[str, tuple[Charged, int, int]]:
    """Return, by design, the charges for so many events of one hour, and the bytes stored for them."""
    texts = bill.live()
    with Wire().serving() as wire:
        wire.ingest(texts)
        wire.aggregate()
        ours = wire.charged(), len(texts), wire.stored_bytes()
    with Wire().serving() as wire:
        wire.naive(texts[: bill.SMALL])
        naive = wire.charged(), bill.SMALL, wire.stored_bytes()
    return {"ours": ours, "naive": naive}


def _tables(found: Charged, events: int) -> tuple[TableLoad, ...]:
    scale = MILLION / events
    return tuple(
        TableLoad(
            name=table.name, writes=found.written[table.name] * scale,
            reads=found.half_read[table.name] / Decimal(2) * scale,
        )
        for table in CATALOG.tables
    )  # fmt: skip


def _function(name: str, batch: int, requests: Decimal, processor_us: Decimal) -> FunctionLoad:
    """Return a function of batches of this size, with so many requests for each."""
    memory = memory_by_function([function.name for function in CATALOG.functions])[name]
    share = Decimal(str(min(vcpus(memory), 1.0)))
    return FunctionLoad(
        name=name, invocations=MILLION / batch, memory_mb=Decimal(memory),
        billed_ms=batch * processor_us / 1000 / share + requests * LATENCY_MS,
    )  # fmt: skip


def load(design: str) -> Load:
    """A month of a million events on tables on demand."""
    queue = (QueueLoad(name="ingest", requests=3 * MILLION / QUEUE_BATCH),)
    if design == "floor":
        return Load(tables=(TableLoad(name="events", writes=MILLION),), queues=queue)
    found, events, _ = measured()[design]
    batches: dict[str, int]
    requests: dict[str, int]
    if design == "ours":
        inserts = found.requests["BatchExecuteStatement"]
        batches = {"ingest": INGEST_BATCH, "aggregate": STREAM_BATCH}
        requests = {"ingest": inserts, "aggregate": found.requests.total() - inserts}
    else:
        # The defaults of both mappings; each event is a request of its own in both functions.
        batches, requests = {"ingest": 10, "aggregate": 100}, {"ingest": events, "aggregate": events}
    functions = tuple(
        _function(name, batch, requests[name] * Decimal(batch) / events, PROCESSOR_US[design])
        for name, batch in batches.items()
    )
    logged = sum((function.invocations for function in functions), Decimal(0)) * LOG_BYTES / 1024**3
    return Load(functions=functions, tables=_tables(found, events), queues=queue, logs=LogLoad(ingested_gb=logged))


def provisioned(month: Load) -> Load:
    """The same with capacity of which 70 % is used, all month long."""
    rate = MONTH_SECONDS * TARGET
    tables = [replace(table, write_units=table.writes / rate, read_units=table.reads / rate) for table in month.tables]
    return replace(month, tables=tuple(tables))


def cost(month: Load) -> dict[str, Decimal]:
    """Return US dollars by component of the bill."""
    found: dict[str, Decimal] = dict.fromkeys(("functions", "queues", "tables", "logs"), Decimal(0))
    for line in costing.lines(month, prices.read()):
        found[line.component] += line.after_usd
    return found


def stored(design: str) -> Decimal:
    """Return US dollars for storing a million events until they expire, with point-in-time recovery."""
    _, events, size = measured()[design]
    listed = prices.read()
    gigabytes = size * MILLION / events / 1024**3
    months = EVENT_RETENTION_DAYS / MONTH_DAYS
    return gigabytes * months * (listed["table_storage"] + listed["table_backup"])


_NAMES = {
    "functions": "Lambda: `ingest` and `aggregate`", "queues": "SQS", "tables": "DynamoDB: writes and reads",
    "logs": "CloudWatch Logs",
}  # fmt: skip


def table() -> str:
    """The costs side by side, as docs/cost.md has them."""
    loads = [load(design) for design in _COLUMNS]
    columns = [cost(each) for month in loads for each in (month, provisioned(month))]
    rows = [[name, *(_dollars(column[key]) for column in columns)] for key, name in _NAMES.items()]
    rows.insert(3, ["DynamoDB Streams: what Lambda reads is free", *["0"] * len(columns)])
    rows.append(["**in all**", *(f"**{_dollars(_sum(column))}**" for column in columns)])
    heads = [f"{design}, {way}" for design in _COLUMNS for way in ("on demand", "at 70 %")]
    lines = [f"| {' | '.join(row)} |" for row in (["US dollars per million events, live", *heads], *rows)]
    lines.insert(1, f"|---|{'--:|' * len(columns)}")
    return "\n".join([*lines, "", _counted()])


def _counted() -> str:
    found, events, size = measured()["ours"]
    naive, other, _ = measured()["naive"]
    requests = found.requests.total() / events * 1000
    read = found.half_read.total() / 2 / events
    days = EVENT_RETENTION_DAYS
    return (
        f"Counted per event: ours {found.units / events:.3f} write units and {read:.4f} read units, {requests:.0f} "
        f"requests per 1,000;\nnaive {naive.units / other:.0f} write units and {naive.requests.total() / other:.0f} "
        f"requests. To keep a million events for {days} days, with backups to any second and\nall that is counted, "
        f"{size / events:.0f} bytes an event, costs {_dollars(stored('ours'))} more; naive "
        f"{_dollars(stored('naive'))}.\n"
    )


def batches() -> str:
    """Cost of small batches, as docs/cost.md has it."""
    lines = ["| events in a batch | write units an event | US dollars per million on demand |", "|--:|--:|--:|"]
    texts = bill.live(1000)
    for size in (10, 30, 100, 300, 1000):
        with Wire().serving() as wire:
            wire.ingest(texts, min(size, INGEST_BATCH))
            wire.aggregate(size)
            units = wire.charged().units / Decimal(len(texts))
        lines.append(f"| {size:,} | {units:.2f} | {_dollars(units * MILLION * prices.read()['table_write_request'])} |")
    return "\n".join(lines) + "\n"


def listed() -> str:
    """The prices with the day on which AWS published them, and where they were seen again, as docs/cost.md has them."""
    lines = ["| price | US dollars | for a | published by AWS | seen again |", "|---|--:|---|---|---|"]
    for key, price in prices.read().by_key.items():
        again = price.seen_again or "–"
        lines.append(f"| `{key}` | {price.usd:f} | {price.unit} | [{price.as_of}]({price.source}) | {again} |")
    return "\n".join(lines) + "\n"


def idle() -> str:
    """A month without events, with every setting at its default and as a small environment, as docs/cost.md has it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / FOLDER).mkdir()
        bills = [_idle_bill(root, more) for more in ({}, {"foundation:small": "true"})]
    lines = ["| US dollars a month, idle | with the defaults | `foundation:small` |", "|---|--:|--:|"]
    names = {**bills[0], **bills[1]}
    lines += [f"| {name} | {' | '.join(bill.get(name, '0.00') for bill in bills)} |" for name in names]
    return "\n".join(lines) + "\n"


def _idle_bill(root: Path, more: Mapping[str, str]) -> dict[str, str]:
    config = {key: json.loads(value) for key, value in {**values_without_default(), **more}.items()}
    # JSON is YAML.
    (root / FOLDER / "Pulumi.docs.yaml").write_text(json.dumps({"config": config}), encoding="utf-8")
    month = idle_load.load(configuration.load("docs", root))
    found = report.cost_report(month, prices.read(), {"environment": "docs", "basis": "idle"})
    priced = {
        f"{one['component']}: {line['item']}, {line['what']}": line["after_usd"]
        for one in found["components"]
        for line in one["lines"]
    }
    return {**priced, "**in all**": f"**{found['totals']['after_usd']}**"}


def sentence() -> str:
    """The same in one sentence, for the README."""
    loads = [load(design) for design in _COLUMNS]
    ours, ours70, naive, naive70, floor, floor70 = (
        costing.cents(_sum(cost(each))) for month in loads for each in (month, provisioned(month))
    )
    return (
        f"A million events that are reported live cost {ours} $ with tables on demand, {ours70} $ with capacity "
        f"used at 70 %: Lambda, SQS, DynamoDB and\nlogs. Stored and counted each on its own they would cost {naive} $ "
        f"and {naive70} $; a write each and nothing else, {floor} $ and {floor70} $:\n[docs/cost.md](docs/cost.md).\n"
    )


def _sum(column: Mapping[str, Decimal]) -> Decimal:
    return sum(column.values(), Decimal(0))


def _dollars(amount: Decimal) -> str:
    return f"{amount.quantize(Decimal('0.001'), ROUND_HALF_UP):f}"
