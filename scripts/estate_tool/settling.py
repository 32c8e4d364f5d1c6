"""Waits until everything that was sent is either in the aggregates or in a dead-letter queue."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from estate_tool.reaching import is_throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from estate_tool.dead_letters import DeadLetters
    from estate_tool.ledger import Ledger

# DynamoDB API Reference, BatchGetItem.
KEYS_PER_CALL = 100
# A round of looking for marks ends after so many calls in a row that found none: each costs read capacity.
FRUITLESS_CALLS = 4
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


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
        """Return when everything is accounted for; raise TimedOut `timeout` seconds from now."""
        deadline = self.clock() + timeout
        pause = SHORTEST_PAUSE
        while True:
            news = self._look()
            progress()
            if not self.ledger.outstanding:
                return
            left = deadline - self.clock()
            if left <= 0:
                raise TimedOut
            pause = SHORTEST_PAUSE if news else min(pause * 1.5, LONGEST_PAUSE)
            self.sleep(min(pause, left))

    def _look(self) -> bool:
        """Look everywhere once; returns whether there was any news."""
        news = self.marks.look(self.ledger)
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
        return news > 0


class Marks:
    """The table in which the aggregation marks every event it has counted."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def look(self, ledger: Ledger) -> int:
        """Look for outstanding events, each at most once, until several calls find none; returns the number found."""
        found = fruitless = 0
        left = ledger.outstanding_events
        while left > 0 and fruitless < FRUITLESS_CALLS:
            wanted = ledger.next_events(min(KEYS_PER_CALL, left))
            marked, unknown = self._read(wanted)
            ledger.not_found(wanted)
            settled = ledger.found_aggregated(marked)
            found += settled
            fruitless = 0 if settled else fruitless + 1
            left = 0 if unknown else left - len(wanted)
        return found

    def absent(self, events: Collection[bytes]) -> set[bytes]:
        """Those that certainly have no mark."""
        absent: set[bytes] = set()
        remaining = iter(events)
        while some := list(islice(remaining, KEYS_PER_CALL)):
            marked, unknown = self._read(some)
            absent.update(set(some) - marked - unknown)
        return absent

    def _read(self, events: list[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Those that have a mark, and those that DynamoDB did not read because it had no capacity left."""
        keys = [{"event_key": {"S": event.hex()}} for event in events]
        try:
            # Eventually consistent, at half the price: a mark that is seen a moment later is just as good.
            answer = self._dynamodb.batch_get_item(
                RequestItems={self._table: {"Keys": keys, "ProjectionExpression": "event_key"}}
            )
        except self._dynamodb.exceptions.ClientError as error:
            if is_throttled(error):
                return set(), set(events)
            raise
        unread = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", ())
        return _events(answer["Responses"].get(self._table, ())), _events(unread)


def _events(items: Iterable[dict[str, Any]]) -> set[bytes]:
    return {bytes.fromhex(item["event_key"]["S"]) for item in items}
