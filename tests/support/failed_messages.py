"""Failed messages for tests: events, a batch of a stream as Lambda reports it, and what receives them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from estate_tool.redrive.messages import Explanations, FailureQueue
from shared.keys import event_key

if TYPE_CHECKING:
    from estate_tool.events.dead_letters import BatchRange

INGEST = FailureQueue("ingest", "ingest", "ingest")
AGGREGATE = FailureQueue("aggregate", "aggregate", None)
STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/table-events-dev/stream/2026-01-01T00:00:00.000"


def event(number: object) -> str:
    """An event as it was sent."""
    event = {"specversion": "1.0", "id": str(number), "source": "s", "type": "t", "time": "2026-01-01T00:00:00Z"}
    return json.dumps(event)


def key(number: object) -> bytes:
    """The key under which it is stored."""
    return bytes.fromhex(event_key("s", str(number)))


EVENT = event(1)
BATCH: dict[str, Any] = {
    "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 11},
    "timestamp": "2026-01-01T00:00:09.000Z",
    "DDBStreamBatchInfo": {
        "shardId": "s", "startSequenceNumber": "1", "endSequenceNumber": "5", "streamArn": STREAM, "batchSize": 5,
        "approximateArrivalOfFirstRecord": "2026-01-01T00:00:01Z",
        "approximateArrivalOfLastRecord": "2026-01-01T00:00:02Z",
    },
}  # fmt: skip


class Reasons(Explanations):
    """Logs that give the same reason for everything."""

    def __init__(self) -> None:
        super().__init__(None, "")

    def of_message(self, message_id: str, around: float) -> str:
        return "AccessDenied"

    def of_batch(self, batch: BatchRange, around: float) -> str:
        return "AccessDenied"


def message(body: str, received: int = 3, **attributes: Any) -> dict[str, Any]:
    return {
        "MessageId": "m", "Body": body, "ReceiptHandle": "r",
        "Attributes": {"SentTimestamp": "1767225600000", "ApproximateReceiveCount": str(received)},
        "MessageAttributes": {name: {"DataType": "String", "StringValue": v} for name, v in attributes.items()},
    }  # fmt: skip
