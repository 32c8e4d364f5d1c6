"""CloudWatch Logs for tests: a log group whose events come in pages."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_700_000_000_000


class FakeLogs:
    """Log group with these messages, texts or values of JSON, a second apart; or one that is `refused`.

    Pages have two events each; every other page is empty, as those of AWS may be.
    """

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, *messages: Any, refused: str = "") -> None:
        self.events: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self._refused = refused
        for number, message in enumerate(messages):
            self.add(message, NOW + 1000 * number)

    def add(self, message: Any, moment: int) -> None:
        """Add an event."""
        text = message if isinstance(message, str) else json.dumps(message)
        # Fresh events of the embedded AWS have no id yet.
        event = {"eventId": "", "timestamp": moment, "logStreamName": "2027/01/15/[7]abc", "message": f"{text}\n"}
        self.events.append(event)

    def get_paginator(self, operation: str) -> FakeLogs:
        assert operation == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.requests.append(request)
        if self._refused:
            raise ClientError({"Error": {"Code": self._refused}}, "FilterLogEvents")
        wanted = [event for event in self.events if event["timestamp"] >= request["startTime"]]
        for begin in range(0, len(wanted), 2):
            yield {"events": []}
            yield {"events": wanted[begin : begin + 2]}
