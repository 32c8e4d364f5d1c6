"""Cuts events into parts that each fit a transaction, by actions and by numbers added to one aggregate."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from aggregate.records import Inserted
from aggregate.series import Target, targets
from shared.events import MAX_SUMS, SUMS_PER_FIELD, Event, sums_of

MAX_ACTIONS = 100
"""Actions of one transaction (Amazon DynamoDB "Quotas")."""


def chunks(inserted: Sequence[Inserted]) -> Iterator[list[Inserted]]:
    """Yield the parts. Neighbours share aggregates, by hour before subject even both of theirs: fewer transactions."""
    fields = set[str]().union(*(entry.event.measures for entry in inserted))
    # As few names as events usually have can't add to too many numbers, however the events are put together.
    make = _Part if len(fields) * SUMS_PER_FIELD < MAX_SUMS else _WidePart
    part = make()
    for entry in sorted(inserted, key=_order):
        if not part.takes(entry):
            yield part.entries
            part = make()
            part.takes(entry)
    if part.entries:
        yield part.entries


def _order(entry: Inserted) -> tuple[str, str, str]:
    event = entry.event
    return event.type, event.hour, event.subject


class _Part:
    """Events of one transaction, with what it writes to: pages and aggregates."""

    def __init__(self) -> None:
        self.entries: list[Inserted] = []
        self._written: set[str | Target] = set()

    def takes(self, entry: Inserted) -> bool:
        """Add the event if it fits, as the first one always does."""
        new = {entry.slot.page, *targets(entry.event)} - self._written
        if new:
            if self.entries and len(self._written) + len(new) > MAX_ACTIONS:
                return False
            self._written |= new
        self.entries.append(entry)
        return True


class _WidePart(_Part):
    """Events of very many fields: per aggregate it is known to how many numbers each field adds at most."""

    def __init__(self) -> None:
        super().__init__()
        self._loads: dict[Target, dict[str, int]] = {}

    def takes(self, entry: Inserted) -> bool:
        """Add the event if it fits, as the first one always does."""
        load = _load(entry.event)
        grown = {target: self._grown(target, load) for target in targets(entry.event)}
        if self.entries and any(sum(sums.values()) >= MAX_SUMS for sums in grown.values()):
            return False
        if not super().takes(entry):
            return False
        self._loads |= grown
        return True

    def _grown(self, target: Target, load: Mapping[str, int]) -> dict[str, int]:
        sums = self._loads.get(target, {})
        return {**sums, **{field: max(number, sums.get(field, 0)) for field, number in load.items()}}


def _load(event: Event) -> dict[str, int]:
    """Return field → numbers it adds to; the upper bound where even that allows plenty of events."""
    measures: Mapping[str, Decimal] = event.measures
    if len(measures) * SUMS_PER_FIELD < MAX_SUMS:
        return dict.fromkeys(measures, SUMS_PER_FIELD)
    return {field: sums_of(value) for field, value in measures.items()}
