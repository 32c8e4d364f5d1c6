"""Cost of a million events in docs/cost.md, worked out by hand from the quantities that were counted.

Prices are those of AWS's pages (us-east-1, first tier); nothing of the tool's arithmetic is used.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from tests.bench import million

# aws.amazon.com/dynamodb/pricing: a million write and read request units; an hour of a write and of a read unit.
WRITE, READ = Decimal("0.625") / 1_000_000, Decimal("0.125") / 1_000_000
WRITE_HOUR, READ_HOUR = Decimal("0.00065"), Decimal("0.00013")


def cents(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01"), ROUND_HALF_UP))


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
