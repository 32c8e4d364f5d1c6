"""Counted events: an event's item names its page, and the record of that page has a bit for the event."""

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
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from estate_tool.events.ledger import Ledger

# DynamoDB API Reference, BatchGetItem.
KEYS_PER_CALL = 100
THROTTLED_PAUSE_SECONDS = 3.0
Item = dict[str, Any]


class CountedEvents:
    """Tables of events and of pages, which together show whether an event is counted.

    The first look for an event costs half a read unit per 4 KB of it; later looks cost half a unit for each page of the
    outstanding events. Consistent reads cost twice that.
    """

    def __init__(self, dynamodb: Any, events: str, pages: str) -> None:
        self._dynamodb = dynamodb
        self._events = events
        self._pages = pages
        self._slots: dict[bytes, Slot] = {}
        """Slots of events that were stored and not counted at the last look. They never change."""
        self._resume_at = 0

    def look(self, ledger: Ledger) -> tuple[int, int]:
        """Look for outstanding events, each at most once; return the numbers of events looked for and found.

        Events are aggregated roughly in the order of their sending, so the search begins with the first and continues
        for as long as it finds any. In case the first ones are stuck, it then continues where the last look ended.
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
        """Look for one call's worth of events after the other until a call finds none; return found and the end."""
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
        """Return the events that are not counted, without those that DynamoDB did not read."""
        remaining = iter(events)
        absent: set[bytes] = set()
        while some := [*islice(remaining, KEYS_PER_CALL)]:
            counted, unread = self._read(some)
            absent.update(set(some) - counted - unread)
        return absent

    def uncounted(self, items: Iterable[Item]) -> list[Item]:
        """Return the stored events that are not counted, by consistent reads that are repeated while throttled.

        An item without a valid slot is among them, so that the caller of the aggregation gets the reason.
        """
        slots = [(item, _slot(item)) for item in items]
        pages = {slot.page for _, slot in slots if slot}
        bits = _bitmaps(self._get_all(self._pages, map(_page_key, pages), ConsistentRead=True))
        return [item for item, slot in slots if not slot or not bits.get(slot.page, 0) & slot.bit]

    def received_before(self, events: Iterable[bytes], moment: float) -> Iterator[bytes]:
        """Yield the events that were received in a second before the moment, for half a read unit per 4 KB of each.

        Without the table there are none.
        """
        began = utc_time(moment)
        with contextlib.suppress(self._dynamodb.exceptions.ResourceNotFoundException):
            for item in self._get_all(self._events, map(_key, events), ProjectionExpression="event_key, received_at"):
                key, received = stored_key(item), mapping(item.get("received_at")).get("S")
                if key and isinstance(received, str) and received < began:
                    yield bytes.fromhex(key)

    def _read(self, events: Sequence[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Return the events that are counted, and those that DynamoDB did not read for want of capacity."""
        slots, unread = self._slots_of(events)
        pages, unread_pages = self._get(self._pages, [_page_key(page) for page in {s.page for s in slots.values()}])
        bits, silent = _bitmaps(pages), {key["page"]["S"] for key in unread_pages}
        counted = {event for event, slot in slots.items() if bits.get(slot.page, 0) & slot.bit}
        unread |= {event for event, slot in slots.items() if slot.page in silent}
        for event in counted:
            self._slots.pop(event, None)
        return counted, unread

    def _slots_of(self, events: Sequence[bytes]) -> tuple[dict[bytes, Slot], set[bytes]]:
        """Return the slots of the stored events, and the events that were not read."""
        known = {event: self._slots[event] for event in events if event in self._slots}
        keys = [_key(event) for event in events if event not in known]
        found, unread = self._get(
            self._events, keys,
            # `position` is a reserved word.
            ProjectionExpression="event_key, #page, #position",
            ExpressionAttributeNames={"#page": "page", "#position": "position"},
        )  # fmt: skip
        for item in found:
            if slot := _slot(item):
                self._slots[_event(item)] = known[_event(item)] = slot
        return known, {_event(key) for key in unread}

    def _get_all(self, table: str, keys: Iterable[Item], **options: Any) -> Iterator[Item]:
        """Yield the stored items, for as long as DynamoDB takes to read all of them."""
        remaining, unread = iter(keys), list[Item]()
        while some := [*unread, *islice(remaining, KEYS_PER_CALL - len(unread))]:
            found, unread = self._get(table, some, **options)
            yield from found
            if unread:
                time.sleep(THROTTLED_PAUSE_SECONDS)

    def _get(self, table: str, keys: list[Item], **options: Any) -> tuple[list[Item], list[Item]]:
        """Read up to 100 items; return them and the keys that DynamoDB did not read."""
        if not keys:
            return [], []
        try:
            answer = self._dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, **options}})
        except self._dynamodb.exceptions.ClientError as error:
            if is_throttled(error):
                return [], keys
            raise
        return answer["Responses"].get(table, []), answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])


def _key(event: bytes) -> Item:
    return {"event_key": {"S": event.hex()}}


def _page_key(page: str) -> Item:
    return {"page": {"S": page}}


def _bitmaps(records: Iterable[Item]) -> dict[str, int]:
    return {record["page"]["S"]: bits_of(record["counted"]["B"]) for record in records if "counted" in record}


def _event(item: Item) -> bytes:
    return bytes.fromhex(item["event_key"]["S"])


def _slot(item: Item) -> Slot | None:
    """Return the event's slot; None if another writer stored the item in a form that can't be counted."""
    try:
        return slot_of(item)
    except (ValueError, KeyError, TypeError):
        return None


def clock_of(answer: Any) -> float:
    """Return the time of an answer by AWS's clock, which its functions share; else by the clock here."""
    date = mapping(mapping(answer.get("ResponseMetadata")).get("HTTPHeaders")).get("date")
    try:
        return parsedate_to_datetime(str(date)).timestamp()
    except (TypeError, ValueError):
        return time.time()
