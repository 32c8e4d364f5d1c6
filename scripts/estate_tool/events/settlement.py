"""Waits until everything that was sent is either in the aggregates or in a dead-letter queue."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from estate_tool.events.dead_letters import source_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from estate_tool.events.counted import CountedEvents
    from estate_tool.events.dead_letters import DeadLetters
    from estate_tool.events.ledger import Ledger

SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 3.0


class TimedOut(Exception):
    """Not everything was accounted for in time."""


@dataclass(kw_only=True)
class Settlement:
    """Accounts for everything that the ledger has as sent.

    `counted` finds aggregated events, `ingest_failures` messages that were never taken in, and `lost_batches` the keys
    of events that were taken in but which the aggregation gave up.
    """

    ledger: Ledger
    counted: CountedEvents
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
        """Look everywhere once; returns how many events were looked for, and how much there was to find anywhere."""
        looked, news = self.counted.look(self.ledger)
        if self.ledger.outstanding:
            with contextlib.closing(self.ingest_failures.news()) as messages:
                for message in messages:
                    news += self.ledger.found_dead(source_id(message))
                    if not self.ledger.outstanding:
                        break
        lost = self.lost_batches() if self.ledger.outstanding_events else set()
        if lost:
            # A batch that was given up may hold events that were counted; the record of their page has them by now.
            news += self.ledger.found_given_up(self.counted.absent(lost))
        return looked, news
