"""Payload that makes `ingest` do all it can do: store, look up, refuse, delay."""

import json
from typing import Any

from ingest.store import MAX_STATEMENTS
from tests.support.samples import event_text


def _message(name: str, body: str, receives: int = 1) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(receives)}
    return {"messageId": name, "receiptHandle": f"receipt of {name}", "body": body, "attributes": attributes}


# The first request is known as a whole; the tests' DynamoDB throttles the event "2".
PAYLOAD = {
    "Records": [
        *(_message(f"known{number}", event_text(f"known {number}")) for number in range(MAX_STATEMENTS)),
        _message("good", event_text("1")),
        _message("bad", json.dumps("no event")),
        _message("later", event_text("2"), receives=2),
    ]
}
