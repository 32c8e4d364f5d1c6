"""Waits until everything that was sent is either in the aggregates or in a dead-letter queue."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from estate_tool.retries import is_throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from estate_tool.dead_letters import DeadLetters
    from estate_tool.ledger import Ledger

# DynamoDB API Reference, BatchGetItem.
KEYS_PER_CALL = 100
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 3.0


class TimedOut(Exception):
    """Not everything was accounted for in time."""


@dataclass(kw_only=True)
class Settlement:
    """Follows what became of what a ledger says was sent.

    `marks` finds aggregated events, `ingest_failures` messages that were never taken in, and `lost_batches` the keys of
    events that were taken in but whose batch the aggregation gave up.
    """

    ledger: Ledger
    marks: Marks
    ingest_failures: DeadLetters
    lost_batches: Callable[[], set[bytes]]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def wait(self, timeout: float, progress: Callable[[], None]) -> None:
        """Return when everything is accounted for; raise TimedOut when nothing arrived for `timeout` seconds."""
        deadline = self.clock() + timeout
        pause = SHORTEST_PAUSE
        while True:
            looked, news = self._look()
            progress()
            if not self.ledger.outstanding:
                return
            if news:
                deadline = self.clock() + timeout
            left = deadline - self.clock()
            if left <= 0:
                raise TimedOut
            # Looking costs read capacity: so often that about every second look finds what it looks for.
            pause = max(pause / 2, SHORTEST_PAUSE) if 2 * news > looked else min(pause * 1.5, LONGEST_PAUSE)
            self.sleep(min(pause, left))

    def _look(self) -> tuple[int, int]:
        """Look everywhere once; returns how many marks were looked for, and how much there was to find anywhere."""
        looked, news = self.marks.look(self.ledger)
        if self.ledger.outstanding:
            with contextlib.closing(self.ingest_failures.news()) as messages:
                for message in messages:
                    news += self.ledger.found_dead(message["MessageId"])
                    if not self.ledger.outstanding:
                        break
        lost = self.lost_batches() if self.ledger.outstanding_events else set()
        if lost:
            # A batch that was given up may hold events that were counted; those have their marks by now.
            news += self.ledger.found_given_up(self.marks.absent(lost))
        return looked, news


class Marks:
    """The table in which the aggregation marks every event it has counted."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._resume_at = 0

    def look(self, ledger: Ledger) -> tuple[int, int]:
        """Look for outstanding events, each at most once; returns for how many it looked and how many it found.

        Events are aggregated roughly in the order in which they were sent, so it begins with the first and goes on for
        as long as it finds any; then, in case the first ones are stuck, it goes on where it ended the last time.
        """
        events = ledger.outstanding_keys()
        found, end = self._search(events, 0, ledger)
        looked = end
        if end < len(events):
            start = self._resume_at if end <= self._resume_at < len(events) else end
            more, self._resume_at = self._search(events, start, ledger)
            found, looked = found + more, looked + self._resume_at - start
        return looked, found

    def _search(self, events: Sequence[bytes], start: int, ledger: Ledger) -> tuple[int, int]:
        """Look for one call's worth of events after the other until a call finds none; returns what `look` needs."""
        found = 0
        while start < len(events):
            wanted = events[start : start + KEYS_PER_CALL]
            marked, unread = self._read(wanted)
            start += len(wanted)
            settled = ledger.found_aggregated(marked)
            found += settled
            if unread or not settled:
                break
        return found, start

    def absent(self, events: Collection[bytes]) -> set[bytes]:
        """Those that certainly have no mark."""
        absent: set[bytes] = set()
        remaining = iter(events)
        while some := list(islice(remaining, KEYS_PER_CALL)):
            marked, unread = self._read(some)
            absent.update(set(some) - marked - unread)
        return absent

    def certainly_absent(self, events: Collection[bytes], sleep: Callable[[float], None] = time.sleep) -> set[bytes]:
        """All that have no mark, however long it takes to read every one of them."""
        absent: set[bytes] = set()
        unsure = list(events)
        while unsure:
            some, unsure = unsure[:KEYS_PER_CALL], unsure[KEYS_PER_CALL:]
            marked, unread = self._read(some, consistent=True)
            absent.update(set(some) - marked - unread)
            unsure += unread
            if unread:
                sleep(LONGEST_PAUSE)
        return absent

    def _read(self, events: Sequence[bytes], *, consistent: bool = False) -> tuple[set[bytes], set[bytes]]:
        """Those that have a mark, and those that DynamoDB did not read because it had no capacity left."""
        keys = [{"event_key": {"S": event.hex()}} for event in events]
        try:
            # To wait, eventually consistent is enough, at half the price: a mark seen a moment later is just as good.
            request = {"Keys": keys, "ProjectionExpression": "event_key", "ConsistentRead": consistent}
            answer = self._dynamodb.batch_get_item(RequestItems={self._table: request})
        except self._dynamodb.exceptions.ClientError as error:
            if is_throttled(error):
                return set(), set(events)
            raise
        unread = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", ())
        return _events(answer["Responses"].get(self._table, ())), _events(unread)


def _events(items: Iterable[dict[str, Any]]) -> set[bytes]:
    return {bytes.fromhex(item["event_key"]["S"]) for item in items}
