"""Records of pages, each a bitmap of counted events."""

import base64
from collections.abc import Collection, Mapping
from typing import Any

from shared.aws import AwsError, Caller
from shared.deadline import Deadline
from shared.pages import RECORD_LIFE_SECONDS, Slot, bitmap_of, bits_of

KEYS_PER_CALL = 100
"""Limit of one BatchGetItem (Amazon DynamoDB API Reference)."""
KNOWN_PAGES = 2000
"""Pages remembered from one batch to the next: a batch that is repeated at once then costs no request."""


class Pages:
    """The table of pages, as far as it is known here; every write has the condition that nothing has changed."""

    def __init__(self, client: Caller, table: str) -> None:
        self._client = client
        self._table = table
        self._bits: dict[str, int] = {}

    def read(self, pages: Collection[str], deadline: Deadline) -> None:
        """Read the records of pages that are not known yet; raise AwsError.

        Not consistently: a write that relies on an old record is refused.
        """
        keys = [{"page": {"S": page}} for page in pages if page not in self._bits]
        attempt = 0
        while keys:
            request = {"RequestItems": {self._table: {"Keys": keys[:KEYS_PER_CALL]}}}
            answer = self._client.call("BatchGetItem", request, deadline)
            for item in answer["Responses"].get(self._table, ()):
                self.learn(item["page"]["S"], item)
            unread = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            keys = keys[KEYS_PER_CALL:] + unread
            if unread and not deadline.pause(attempt):
                raise AwsError("BatchGetItem", "ThrottlingError", "records of pages could not be read")
            attempt = attempt + 1 if unread else 0

    def forget(self) -> None:
        """Forget the oldest pages where many are known."""
        while len(self._bits) > KNOWN_PAGES:
            del self._bits[next(iter(self._bits))]

    def learn(self, page: str, item: Mapping[str, Any] | None) -> bool:
        """Remember the current record of a page; return True if it differs from the known one."""
        before = self._bits.get(page, 0)
        self._bits[page] = bits_of(base64.b64decode(item["counted"]["B"])) if item else 0
        return self._bits[page] != before

    def counted(self, slot: Slot) -> bool:
        """Return True if the event of this slot is counted."""
        return bool(self._bits.get(slot.page, 0) & slot.bit)

    def count(self, page: str, bits: int, expires_at: int | None) -> dict[str, Any]:
        """Return the action that sets these positions, if the record has not changed since it was read."""
        before = self._bits.get(page, 0)
        item = {"page": {"S": page}, "counted": _stored(before | bits)}
        if expires_at is not None:
            item["expires_at"] = {"N": str(expires_at + RECORD_LIFE_SECONDS)}
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "#counted = :before" if before else "attribute_not_exists(#counted)",
            "ExpressionAttributeNames": {"#counted": "counted"},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if before:
            put["ExpressionAttributeValues"] = {":before": _stored(before)}
        return {"Put": put}

    def done(self, page: str, bits: int) -> None:
        """Remember that these positions are counted."""
        self._bits[page] = self._bits.get(page, 0) | bits


def _stored(bits: int) -> dict[str, str]:
    return {"B": base64.b64encode(bitmap_of(bits)).decode("ascii")}
