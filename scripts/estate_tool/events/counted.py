"""Events in the aggregates: an event's item names its page, and the record of that page has a bit for it."""

from __future__ import annotations

import contextlib
import time
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from estate_tool.core.retries import is_throttled
from estate_tool.core.text import utc_time
from estate_tool.core.untrusted import mapping, stored_key
from shared.pages import Slot, bits_of, slot_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from estate_tool.events.ledger import Ledger

# DynamoDB API Reference, BatchGetItem.
KEYS_PER_CALL = 100
THROTTLED_PAUSE_SECONDS = 3.0
Item = dict[str, Any]
_NAMES = {"#page": "page", "#position": "position"}


class CountedEvents:
    """The tables of events and of pages, as far as they say what is counted.

    Looking for an event costs half a read unit per 4 KB of it, once; looking again, half a unit for each page that the
    events asked for are of. Where it has to be certain, twice that.
    """

    def __init__(self, dynamodb: Any, events: str, pages: str) -> None:
        self._dynamodb = dynamodb
        self._events = events
        self._pages = pages
        self._slots: dict[bytes, Slot] = {}
        """Of events that were stored and not counted when they were looked for. They never change."""
        self._resume_at = 0

    def look(self, ledger: Ledger) -> tuple[int, int]:
        """Look for outstanding events, each at most once; return for how many it looked and how many it found.

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
        """Look for one call's worth of events after the other until a call finds none; return what `look` needs."""
        found = 0
        while start < len(events):
            wanted = events[start : start + KEYS_PER_CALL]
            counted, unread = self._read(wanted)
            start += len(wanted)
            settled = ledger.found_aggregated(counted)
            found += settled
            if unread or not settled:
                break
        return found, start

    def absent(self, events: Collection[bytes]) -> set[bytes]:
        """Return those that certainly are not counted."""
        absent: set[bytes] = set()
        for some in _parts(events):
            counted, unread = self._read(some)
            absent.update(set(some) - counted - unread)
        return absent

    def uncounted(self, items: Iterable[Item]) -> list[Item]:
        """Return the stored events that are not counted, however long it takes to be certain of each.

        An item without a valid slot counts as one, so that the caller of the aggregation gets the reason.
        """
        slots = [(item, _slot(item)) for item in items]
        bits: dict[str, int] = {}
        pages = list({slot.page for _, slot in slots if slot})
        while pages:
            some, pages = pages[:KEYS_PER_CALL], pages[KEYS_PER_CALL:]
            found, unread = self._bits(some, consistent=True)
            bits |= found
            pages += unread
            if unread:
                time.sleep(THROTTLED_PAUSE_SECONDS)
        return [item for item, slot in slots if not slot or not bits.get(slot.page, 0) & slot.bit]

    def received_before(self, events: Iterable[bytes], moment: float) -> Iterator[set[bytes]]:
        """Yield the events that were received in a second before the moment, a part of them at a time.

        That costs half a read unit per 4 KB of each event. Without the table there are none.
        """
        began = utc_time(moment)
        options = {"ProjectionExpression": "event_key, received_at"}
        with contextlib.suppress(self._dynamodb.exceptions.ResourceNotFoundException):
            for some in _parts(events):
                found, keys = list[Item](), [_key(event) for event in some]
                while keys:
                    items, keys = self._get(self._events, keys, options)
                    found += items
                    if keys:
                        time.sleep(THROTTLED_PAUSE_SECONDS)
                yield {event for item in found if (event := _before(item, began))}

    def _read(self, events: Sequence[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Return those that are counted, and those of which DynamoDB did not tell for want of capacity."""
        slots, unread = self._slots_of(events)
        bits, silent = self._bits(list({slot.page for slot in slots.values()}))
        counted = {event for event, slot in slots.items() if bits.get(slot.page, 0) & slot.bit}
        unread |= {event for event, slot in slots.items() if slot.page in silent}
        for event in counted:
            self._slots.pop(event, None)
        return counted, unread

    def _slots_of(self, events: Sequence[bytes]) -> tuple[dict[bytes, Slot], set[bytes]]:
        """Return the slots of those that are stored, and those that were not read."""
        known = {event: self._slots[event] for event in events if event in self._slots}
        keys = [_key(event) for event in events if event not in known]
        # `position` is a reserved word.
        options = {"ProjectionExpression": "event_key, #page, #position", "ExpressionAttributeNames": _NAMES}
        found, unread = self._get(self._events, keys, options)
        for item in found:
            if slot := _slot(item):
                self._slots[_event(item)] = known[_event(item)] = slot
        return known, {_event(key) for key in unread}

    def _bits(self, pages: Sequence[str], *, consistent: bool = False) -> tuple[dict[str, int], list[str]]:
        """Return the bitmaps of pages that have a record, and the pages that were not read."""
        keys = [{"page": {"S": page}} for page in pages]
        found, unread = self._get(self._pages, keys, {"ConsistentRead": consistent})
        bits = {item["page"]["S"]: bits_of(item["counted"]["B"]) for item in found if "counted" in item}
        return bits, [key["page"]["S"] for key in unread]

    def _get(self, table: str, keys: list[Item], how: Mapping[str, Any]) -> tuple[list[Item], list[Item]]:
        """Read up to 100 items; return them and the keys that DynamoDB did not read. To wait, eventually is enough."""
        if not keys:
            return [], []
        try:
            answer = self._dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, **how}})
        except self._dynamodb.exceptions.ClientError as error:
            if is_throttled(error):
                return [], keys
            raise
        return answer["Responses"].get(table, []), answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])


def _key(event: bytes) -> Item:
    return {"event_key": {"S": event.hex()}}


def _event(item: Item) -> bytes:
    return bytes.fromhex(item["event_key"]["S"])


def _slot(item: Item) -> Slot | None:
    """Return the event's slot; None of an item that another writer stored in a form that can't be counted."""
    try:
        return slot_of(item)
    except (ValueError, KeyError, TypeError):
        return None


def _parts(events: Iterable[bytes]) -> Iterator[list[bytes]]:
    remaining = iter(events)
    while some := list(islice(remaining, KEYS_PER_CALL)):
        yield some


def clock_of(answer: Any) -> float:
    """Return when AWS gave an answer, by its own clock, which that of its functions agrees with; else by ours."""
    date = mapping(mapping(answer.get("ResponseMetadata")).get("HTTPHeaders")).get("date")
    try:
        return parsedate_to_datetime(str(date)).timestamp()
    except (TypeError, ValueError):
        return time.time()


def _before(item: Any, began: str) -> bytes | None:
    key, received = stored_key(item), mapping(mapping(item).get("received_at")).get("S")
    return bytes.fromhex(key) if key and isinstance(received, str) and received < began else None
