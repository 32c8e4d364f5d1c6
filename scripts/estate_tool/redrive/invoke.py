"""Calls a function with what it failed on."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from estate_tool.core.untrusted import decoded, mapping
from estate_tool.events import invocation
from estate_tool.events.query import ALIAS
from shared import batching

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from estate_tool.core.environment import Environment

# An invocation takes 6 MB ("Lambda quotas"), and a batch of a stream as many records as its mapping allows.
_LARGEST_BYTES, _MOST_RECORDS = 4_000_000, 500


def invoke(environment: Environment, function: str, payload: Any) -> str:
    """Call the function and wait for its answer; why it failed, or nothing. boto3's errors pass through."""
    # The payload of an invocation is sent again byte for byte.
    body = payload if isinstance(payload, bytes) else json.dumps(payload, default=_plain).encode()
    response = environment.client("lambda").invoke(
        FunctionName=environment.names.function(function),
        Qualifier=ALIAS,
        InvocationType="RequestResponse",
        Payload=body,
    )
    text = response["Payload"].read()
    answer = mapping(decoded(text.decode(errors="replace")))
    if response.get("FunctionError"):
        return invocation.reason(answer, text)
    # To Lambda it is a success when a function names the items of a batch that failed; to a replay it is none.
    failures = answer.get("batchItemFailures")
    return f"{len(failures)} items of the batch failed again" if failures and isinstance(failures, list) else ""


def batches(records: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The records in parts that each fit an invocation."""
    return batching.batches(
        records,
        size_of=lambda record: len(json.dumps(record, default=_plain)),
        most=_MOST_RECORDS,
        most_bytes=_LARGEST_BYTES,
    )


def _plain(value: object) -> float | str:
    """A time or binary data as Lambda hands it to a function."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is not what streams hold")
