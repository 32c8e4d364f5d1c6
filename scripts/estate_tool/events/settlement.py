"""Settlement of a send: waiting until everything sent is aggregated or in a dead-letter queue."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed
from estate_tool.events.counted import CountedEvents
from estate_tool.events.dead_letters import DeadLetters, depth, lost_events, source_id
from estate_tool.events.send import QUEUE
from foundation.catalog import CATALOG
from foundation.model import StreamTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from estate_tool.console.progress import Progress
    from estate_tool.core.environment import Environment
    from estate_tool.events.ledger import Ledger

SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 3.0
# Names of the catalog (foundation/catalog.py).
AGGREGATION, PAGES = "aggregate", "pages"
_AGAIN = "to wait again, send the same file with --wait: what is counted is not counted twice"


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
        """Look everywhere once; return how many events were looked for, and how much was found anywhere."""
        looked, news = self.counted.look(self.ledger)
        if self.ledger.outstanding:
            with contextlib.closing(self.ingest_failures.news()) as messages:
                for message in messages:
                    news += self.ledger.found_dead(source_id(message))
                    if not self.ledger.outstanding:
                        break
        lost = self.lost_batches() if self.ledger.outstanding else set()
        if lost:
            # A batch that was given up may hold events that were counted; the record of their page has them by now.
            news += self.ledger.found_given_up(self.counted.absent(lost))
        return looked, news


def stream_table(function: str) -> str:
    """Return the catalog's name of the table whose stream the function reads; "" if it reads none."""
    trigger = next(one.trigger for one in CATALOG.functions if one.name == function)
    return trigger.table if isinstance(trigger, StreamTrigger) else ""


def follow(environment: Environment, ledger: Ledger, timeout: float, progress: Progress) -> None:
    """Return when everything sent is accounted for; raise Failed after `timeout` s without news."""
    client, names = environment.client, environment.names
    events = names.table(stream_table(AGGREGATION))
    counted = CountedEvents(client("dynamodb"), events, names.table(PAGES))
    given_up = DeadLetters(client("sqs"), names.dead_letter_queue(AGGREGATION))
    settlement = Settlement(
        ledger=ledger,
        counted=counted,
        ingest_failures=DeadLetters(client("sqs"), names.dead_letter_queue(QUEUE)),
        lost_batches=lambda: lost_events(client("dynamodbstreams"), given_up, events),
    )
    try:
        settlement.wait(timeout, lambda: progress.show(lambda: _progress_text(ledger)))
        for _ in counted.received_before(ledger.counted_events(), ledger.began):
            ledger.found_before()
            progress.show(lambda: _progress_text(ledger))
    except TimedOut as error:
        raise Failed(
            f"nothing arrived for {timeout:g} s: {ledger.missing:,} of {ledger.sent:,} messages are neither in the "
            "aggregates nor in a dead-letter queue",
            _where_to_look(environment),
        ) from error
    except KeyboardInterrupt as error:
        raise Failed(
            f"stopped waiting for {ledger.missing:,} of {ledger.sent:,} messages; all of them are sent, and worked off",
            _AGAIN,
        ) from error


def _progress_text(ledger: Ledger) -> str:
    before = f"{ledger.counted_before:,} counted before, "
    return (
        f"waiting: {ledger.aggregated:,} aggregated, {before}{ledger.duplicates:,} duplicates, "
        f"{ledger.dead_lettered:,} dead-lettered, {ledger.missing:,} to come"
    )


def _where_to_look(environment: Environment) -> str:
    names, sqs = environment.names, environment.client("sqs")
    queues = (names.queue(QUEUE), names.dead_letter_queue(QUEUE), names.dead_letter_queue(AGGREGATION))
    held = []
    for queue in queues:
        count = depth(sqs, queue)
        held.append(f"{queue} does not exist" if count is None else f"{queue} holds {count:,}")
    logs = " and ".join(names.log_group(function) for function in (QUEUE, AGGREGATION))
    return (
        f"messages: {', '.join(held)}\n"
        f"the functions' logs: {logs}\n"
        f"what is deployed: scripts/estate status {environment.name}\n{_AGAIN}"
    )
