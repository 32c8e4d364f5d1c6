"""Tables of events and of pages for tests of what is counted, and a clock that only sleeping moves."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

EVENTS_PER_PAGE = 64


def key(number: int) -> bytes:
    """The key of an event."""
    return sha256(str(number).encode()).digest()


class EventTables:
    """DynamoDB with 2,000 events stored, those of `marked` counted; the numbers of keys asked for are kept.

    `capacity` is how many events a call reads, `error` the code of the error that each call ends with.
    """

    exceptions = type("Exceptions", (), {"ClientError": ClientError})

    def __init__(self, capacity: int = 10**9, error: str = "") -> None:
        self.marked: set[bytes] = set()
        self.events_asked: list[int] = []
        self.pages_asked = 0
        self._capacity = capacity
        self._error = error
        self._numbers = {key(number): number for number in range(2_000)}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 (boto3's)
        if self._error:
            raise ClientError({"Error": {"Code": self._error}}, "BatchGetItem")
        ((table, request),) = RequestItems.items()
        keys = request["Keys"]
        assert len(keys) <= 100
        if table == "pages":
            self.pages_asked += len(keys)
            found = [self._record(int(key["page"]["S"])) for key in keys]
            return {"Responses": {"pages": [record for record in found if record["counted"]["B"]]}}
        self.events_asked.append(len(keys))
        readable, unread = keys[: self._capacity], keys[self._capacity :]
        found = [self._event(bytes.fromhex(key["event_key"]["S"])) for key in readable]
        return {"Responses": {"events": found}, "UnprocessedKeys": {"events": {"Keys": unread}} if unread else {}}

    def _event(self, event: bytes) -> dict[str, Any]:
        page, position = divmod(self._numbers[event], EVENTS_PER_PAGE)
        return {"event_key": {"S": event.hex()}, "page": {"S": str(page)}, "position": {"N": str(position)}}

    def _record(self, page: int) -> dict[str, Any]:
        first = page * EVENTS_PER_PAGE
        bits = sum(1 << n for n in range(EVENTS_PER_PAGE) if key(first + n) in self.marked)
        return {"page": {"S": str(page)}, "counted": {"B": bits.to_bytes(EVENTS_PER_PAGE // 8, "little").rstrip(b"\0")}}


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
