"""Pages: the events that were stored together, and the record of those that are counted.

An event's slot, its page and its position there, is stored with it and never changes. The record of a page holds a
bitmap, one bit per position (the lowest bit of the first byte is position 0), without zero bytes at its end.
"""

import base64
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

PAGE_EVENTS = 1000
"""Positions of a page. Its record then stays far below the 1 KB of one write unit."""
RECORD_LIFE_SECONDS = 30 * 86_400
"""Life of a record beyond its events': as long as an event can be delivered, it shows that the event is counted."""


class Slot(NamedTuple):
    """Position of an event in a page, whose record shows if the event is counted."""

    page: str
    position: int

    @property
    def bit(self) -> int:
        """The bit of the page's bitmap."""
        return 1 << self.position


def new_page() -> str:
    """Return a name of a page that no other page has."""
    return base64.urlsafe_b64encode(os.urandom(12)).decode("ascii")


def attributes_of(slot: Slot) -> dict[str, dict[str, str]]:
    """Return the attributes of an event's item for its slot."""
    return {"page": {"S": slot.page}, "position": {"N": str(slot.position)}}


def slot_of(item: Mapping[str, Any]) -> Slot:
    """Return the slot of a stored event; one that another writer stored is a page of its own. Raises ValueError."""
    if "page" not in item and "position" not in item:
        return Slot(str(item["event_key"]["S"]), 0)
    page, position = item["page"]["S"], int(item["position"]["N"])
    if not isinstance(page, str) or not page or not 0 <= position < PAGE_EVENTS:
        raise ValueError(f"the event has no position of a page: {page!r}, {position}")
    return Slot(page, position)


def bits_of(bitmap: bytes) -> int:
    """Return a bitmap as a whole number."""
    return int.from_bytes(bitmap, "little")


def bitmap_of(bits: int) -> bytes:
    """Return the bitmap of a whole number."""
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")
