"""Counted events: how they are looked for, and that an unread one is not taken for absent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.events.counted import CountedEvents, clock_of
from estate_tool.events.ledger import Ledger
from tests.support.event_tables import EventTables, key


def looking(tables: Any) -> CountedEvents:
    return CountedEvents(tables, "events", "pages")


def ledger_of(events: int) -> Ledger:
    ledger = Ledger(follow=True)
    for number in range(events):
        ledger.delivered(key(number), f"e{number}")
    return ledger


def keys(*numbers: int) -> set[bytes]:
    return {key(number) for number in range(*numbers)}


def test_looking_continues_while_it_finds_and_costs_two_vain_calls_at_most() -> None:
    ledger, tables = ledger_of(2_000), EventTables()
    tables.marked = keys(1_000)
    assert looking(tables).look(ledger) == (1_200, 1_000)
    assert ledger.aggregated == 1_000


def test_a_second_look_asks_for_the_pages_of_outstanding_events_only() -> None:
    ledger, tables = ledger_of(150), EventTables()
    counted = looking(tables)
    tables.marked = keys(100)
    assert counted.look(ledger) == (150, 100)
    tables.marked = keys(150)
    assert counted.look(ledger) == (50, 50)
    assert (tables.events_asked, tables.pages_asked) == ([100, 50], 2 + 2 + 2)


def test_events_that_are_stuck_keep_no_other_from_being_found() -> None:
    ledger, tables = ledger_of(1_000), EventTables()
    counted = looking(tables)
    tables.marked = keys(500, 1_000)
    rounds = 0
    while ledger.aggregated < 500:
        counted.look(ledger)
        rounds += 1
        assert rounds < 12
    tables.marked |= {key(3)}
    assert counted.look(ledger)[1] == 1


def test_a_table_without_capacity_ends_the_round_and_nothing_is_taken_for_absent() -> None:
    ledger, tables = ledger_of(200), EventTables(capacity=30)
    tables.marked = keys(200)
    counted = looking(tables)
    assert counted.look(ledger) == (200, 60)
    assert tables.events_asked == [100, 100]
    absent = counted.absent(keys(300, 350))
    assert (len(absent), absent < keys(300, 350)) == (30, True)


def test_a_throttled_call_finds_nothing_and_any_other_error_ends_the_look() -> None:
    ledger, throttled = ledger_of(3), looking(EventTables(error="ProvisionedThroughputExceededException"))
    assert throttled.look(ledger) == (3, 0)
    assert throttled.absent([key(1)]) == set()
    assert len(ledger.outstanding_keys()) == 3
    with pytest.raises(ClientError, match="AccessDenied"):
        looking(EventTables(error="AccessDenied")).look(ledger)


def test_records_of_pages_that_could_not_be_read_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        """Reads 60 pages at a time; the first event of each of the first hundred pages is counted."""

        exceptions = SimpleNamespace(ClientError=ClientError)

        def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803 (boto3's)
            request = RequestItems["pages"]
            assert request["ConsistentRead"]
            assert len(request["Keys"]) <= 100
            read, unread = request["Keys"][:60], request["Keys"][60:]
            found = [{**each, "counted": {"B": b"\x01"}} for each in read if each["page"]["S"] < "p100"]
            return {"Responses": {"pages": found}, "UnprocessedKeys": {"pages": {"Keys": unread}}}

    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    items = [
        {"event_key": {"S": f"{n}"}, "page": {"S": f"p{n // 2:03}"}, "position": {"N": f"{n % 2}"}} for n in range(300)
    ]
    without_slot = {"event_key": {"S": "x"}, "page": {"N": "5"}, "position": {"S": "?"}}
    uncounted = looking(Slow()).uncounted([*items, without_slot])
    assert uncounted == [*items[1:200:2], *items[200:], without_slot]
    assert len(pauses) == 2


def test_events_received_before_a_moment_are_those_of_an_earlier_second() -> None:
    received = {0: "2026-01-01T00:00:04Z", 1: "2026-01-01T00:00:05Z", 2: "2026-01-01T00:00:06Z", 3: None, 4: 5}

    class Tables(EventTables):
        def _event(self, event: bytes) -> dict[str, Any]:
            number = self._numbers[event]
            if number > 4:
                return {"event_key": {"S": event.hex()}}
            return {"event_key": {"S": event.hex()}, "received_at": {"S": received[number]}}

    Tables.exceptions.ResourceNotFoundException = KeyError  # type: ignore[attr-defined]
    assert list(looking(Tables()).received_before([key(n) for n in range(7)], 1767225605.5)) == [key(0)]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 1767225600.0), ({"date": "soon"}, 5.0), ({}, 5.0), (None, 5.0)],
)
def test_the_time_of_an_answer_is_awss_or_else_the_one_here(
    headers: Any, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 5.0)
    assert clock_of({"ResponseMetadata": {"HTTPHeaders": headers}}) == expected
