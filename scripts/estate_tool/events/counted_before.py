"""Events of a send that were stored before it began: they were counted then, and are not counted now."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from estate_tool.core.retries import code_of, is_throttled
from estate_tool.core.untrusted import mapping, stored_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# DynamoDB API Reference, BatchGetItem.
_KEYS_PER_CALL = 100
_PAUSE_SECONDS = 3.0


def clock_of(answer: Any) -> float:
    """Return when AWS gave an answer, by its own clock, which that of its functions agrees with; else by ours."""
    date = mapping(mapping(answer.get("ResponseMetadata")).get("HTTPHeaders")).get("date")
    try:
        return parsedate_to_datetime(str(date)).timestamp()
    except (TypeError, ValueError):
        return time.time()


def stored_before(dynamodb: Any, table: str, events: Iterable[bytes], moment: float) -> Iterator[set[bytes]]:
    """Yield the events that were received in a second before the moment, a part of them at a time.

    That costs half a read unit per 4 KB of each event. Without the table there are none.
    """
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    remaining = iter(events)
    while some := list(islice(remaining, _KEYS_PER_CALL)):
        keys = [{"event_key": {"S": event.hex()}} for event in some]
        found: set[bytes] = set()
        answer: dict[str, Any]
        while keys:
            try:
                request = {"Keys": keys, "ProjectionExpression": "event_key, received_at"}
                answer = dynamodb.batch_get_item(RequestItems={table: request})
            except dynamodb.exceptions.ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return
                if not is_throttled(error):
                    raise
                answer = {"UnprocessedKeys": {table: {"Keys": keys}}}
            found |= {event for item in answer.get("Responses", {}).get(table, ()) if (event := _before(item, began))}
            keys = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if keys:
                time.sleep(_PAUSE_SECONDS)
        yield found


def _before(item: Any, began: str) -> bytes | None:
    key, received = stored_key(item), mapping(mapping(item).get("received_at")).get("S")
    return bytes.fromhex(key) if key and isinstance(received, str) and received < began else None
