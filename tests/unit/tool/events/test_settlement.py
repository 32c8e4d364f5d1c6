"""The wait for everything sent: how long it lasts, and what ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.events.counted import CountedEvents
from estate_tool.events.dead_letters import DeadLetters
from estate_tool.events.ledger import Ledger
from estate_tool.events.settlement import LONGEST_PAUSE, Settlement, TimedOut
from tests.support.event_tables import Clock, EventTables, key

if TYPE_CHECKING:
    from collections.abc import Callable


class Messages(DeadLetters):
    """A dead-letter queue in which these messages are."""

    def __init__(self, messages: Callable[[], list[dict[str, Any]]] = list) -> None:
        self._found = messages

    def news(self) -> Any:
        yield from self._found()


class Wait:
    """A send of some events, and what is found of it as time passes."""

    def __init__(self, events: int, invalid: int = 0) -> None:
        self.ledger, self.tables, self.clock = Ledger(follow=True), EventTables(), Clock()
        for number in range(events):
            self.ledger.delivered(key(number), f"e{number}")
        for number in range(invalid):
            self.ledger.delivered(None, f"i{number}")
        self.counted_at: dict[int, float] = {}
        self.dead: Callable[[], list[dict[str, Any]]] = list

    def run(self, timeout: float, lost: Callable[[], set[bytes]] = set) -> tuple[int, int, int]:
        """Wait; return how many are aggregated, dead-lettered and missing."""

        def sleep(seconds: float) -> None:
            self.clock.sleep(seconds)
            self.tables.marked |= {key(n) for n, moment in self.counted_at.items() if moment <= self.clock.now}

        Settlement(
            ledger=self.ledger, counted=CountedEvents(self.tables, "events", "pages"), lost_batches=lost,
            ingest_failures=Messages(self.dead), clock=self.clock, sleep=sleep,
        ).wait(timeout, lambda: None)  # fmt: skip
        return self.ledger.aggregated, self.ledger.dead_lettered, self.ledger.missing


def test_it_returns_at_once_when_everything_is_counted() -> None:
    wait = Wait(250)
    wait.tables.marked = {key(number) for number in range(250)}
    assert wait.run(10) == (250, 0, 0)
    assert (wait.tables.events_asked, wait.clock.pauses) == ([100, 100, 50], [])


def test_it_continues_for_as_long_as_something_arrives() -> None:
    wait = Wait(10)
    # Never is there nothing for eight seconds, but all take much longer than that.
    wait.counted_at = {number: 5 * number for number in range(10)}
    assert wait.run(8) == (10, 0, 0)
    assert wait.clock.now >= 45


def test_it_times_out_with_pauses_that_grow() -> None:
    wait = Wait(3)
    with pytest.raises(TimedOut):
        wait.run(60)
    assert wait.ledger.missing == 3
    assert wait.clock.now == pytest.approx(60)
    assert max(wait.clock.pauses) == LONGEST_PAUSE
    assert wait.clock.pauses[0] < wait.clock.pauses[5] < LONGEST_PAUSE
    assert len(wait.clock.pauses) < 40


def test_pauses_shrink_while_most_of_what_is_looked_for_is_found() -> None:
    wait = Wait(100)
    wait.counted_at = dict.fromkeys(range(90), 20.0) | dict.fromkeys(range(90, 100), 24.0)
    wait.run(60)
    after = [pause for number, pause in enumerate(wait.clock.pauses) if sum(wait.clock.pauses[:number]) >= 20]
    assert after[0] < LONGEST_PAUSE


def test_invalid_messages_are_waited_for_in_the_dead_letter_queue() -> None:
    wait = Wait(0, invalid=3)
    # The consumer itself sent the last one there, so that it has another id.
    sent = {"MessageId": "new", "MessageAttributes": {"SourceMessageId": {"StringValue": "i2"}}}
    wait.dead = lambda: [*({"MessageId": f"i{n}"} for n in range(2) if wait.clock.now > n), sent]
    assert wait.run(60) == (0, 3, 0)
    assert wait.clock.now < 5


def test_events_of_a_lost_batch_are_given_up_unless_they_were_counted() -> None:
    wait = Wait(4)
    wait.tables.marked = {key(0), key(1)}
    assert wait.run(60, lambda: {key(n) for n in range(1, 9)}) == (2, 2, 0)
