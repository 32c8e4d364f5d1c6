"""Account of all events sent: aggregated, a repetition, in a dead-letter queue, or not known yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Ledger:
    """Counts of one send. An event is known by its key in 32 bytes, a message by its id in 16.

    About 110 bytes of memory per event, and 300 where what becomes of each is followed. Not for several threads.
    """

    def __init__(self, *, follow: bool) -> None:
        self.read = 0
        self.rejected = 0
        self.sent = 0
        self._follow = follow
        self._events: set[bytes] = set()
        self._repetitions = 0
        # Only followed sends have these. Events that are not accounted for, in order:
        self._outstanding: dict[bytes, None] = {}
        # Further messages per event, and messages of an outstanding event found dead; most events have none.
        self._copies: dict[bytes, int] = {}
        self._dead: dict[bytes, int] = {}
        # Each message's event; None where it is none.
        self._messages: dict[bytes, bytes | None] = {}
        self._invalid = 0
        self._aggregated = 0
        self._given_up: set[bytes] = set()
        self.began = 0.0
        self.counted_before = 0
        self._superfluous = 0
        self._dead_lettered = 0

    def delivered(self, event: bytes | None, message_id: str) -> None:
        """Record a message that is in the queue; `event` is the key of its event, None for an invalid one."""
        self.sent += 1
        repeated = event in self._events
        if event is not None and repeated:
            self._repetitions += 1
        elif event is not None:
            self._events.add(event)
        if not self._follow:
            return
        self._messages[_compact(message_id)] = event
        if event is None:
            self._invalid += 1
        elif repeated:
            self._copies[event] = self._copies.get(event, 1) + 1
        else:
            self._outstanding[event] = None

    def outstanding_keys(self) -> list[bytes]:
        """Return the events that are not accounted for, in the order in which they were sent."""
        return list(self._outstanding)

    def found_aggregated(self, events: Iterable[bytes]) -> int:
        """Record events that are in the aggregates; return how many of them were outstanding."""
        settled = 0
        for event in events:
            if event in self._outstanding:
                del self._outstanding[event]
                self._aggregated += 1
                self._superfluous += self._copies.pop(event, 1) - 1
                self._dead.pop(event, None)
                settled += 1
        return settled

    def found_dead(self, message_id: str) -> bool:
        """Record a message in a dead-letter queue; return whether it is of this send and was not known to be there.

        An event that several messages brought is outstanding until all of them are found dead.
        """
        message = _compact(message_id)
        if message not in self._messages:
            return False
        event = self._messages.pop(message)
        if event is None:
            self._invalid -= 1
            self._dead_lettered += 1
        elif event in self._outstanding:
            self._dead[event] = self._dead.get(event, 0) + 1
            if self._dead[event] == self._copies.get(event, 1):
                self._give_up(event)
        return True

    def found_given_up(self, events: Iterable[bytes]) -> int:
        """Record events that were stored but will not be aggregated; return how many of them were outstanding."""
        given_up = [event for event in events if event in self._outstanding]
        for event in given_up:
            self._give_up(event)
        return len(given_up)

    def counted_events(self) -> list[bytes]:
        """Return the events that are in the aggregates, by any sender."""
        return [event for event in self._events if event not in self._outstanding and event not in self._given_up]

    def found_before(self, events: Iterable[bytes]) -> None:
        """Record those of the aggregated events that were counted before this send began."""
        count = sum(1 for _ in events)
        self._aggregated -= count
        self.counted_before += count

    def _give_up(self, event: bytes) -> None:
        self._given_up.add(event)
        del self._outstanding[event]
        self._dead.pop(event, None)
        self._dead_lettered += self._copies.pop(event, 1)

    @property
    def outstanding_events(self) -> int:
        """Valid events that are neither in the aggregates nor, with all their messages, in a dead-letter queue."""
        return len(self._outstanding)

    @property
    def outstanding(self) -> bool:
        """True if anything sent is not accounted for."""
        return bool(self._outstanding or self._invalid)

    @property
    def aggregated(self) -> int:
        """Distinct events of this send that are in the aggregates, and were not before it."""
        return self._aggregated

    @property
    def dead_lettered(self) -> int:
        """Messages of this send that ended in a dead-letter queue and whose event is not in the aggregates."""
        return self._dead_lettered + sum(self._dead.values())

    @property
    def duplicates(self) -> int:
        """Messages that repeat an event of this send; in a followed one, only of events that are in the aggregates."""
        return self._superfluous if self._follow else self._repetitions

    @property
    def missing(self) -> int:
        """Messages that are not accounted for.

        `sent` is this, `aggregated`, `counted_before`, `duplicates` and `dead_lettered` together.
        """
        return self.sent - self.aggregated - self.counted_before - self.duplicates - self.dead_lettered


def _compact(message_id: str) -> bytes:
    """Return the id in 16 bytes if it is a UUID, as those of SQS are."""
    try:
        return bytes.fromhex(message_id.replace("-", ""))
    except ValueError:
        return message_id.encode()
