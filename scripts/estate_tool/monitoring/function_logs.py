"""Log of one function: its events page by page, followed, and as lines for a person."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from estate_tool.core.text import one_line
from estate_tool.core.untrusted import decoded, mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Events of one look without `--follow`: about 10 MB of text.
MOST_EVENTS = 10_000
PAUSE_SECONDS = 2.0
# An event may be there later than others of the same time: CloudWatch Logs takes some seconds to show it.
LATE_MS = 30_000
# Every error has one of these terms; CloudWatch leaves most other lines out, and `is_error` decides ("Filter pattern
# syntax": optional terms, case-sensitive).
ERROR_PATTERN = '?ERROR ?CRITICAL ?FATAL ?error ?failure ?timeout ?"timed out" ?Traceback ?Runtime'
_ERROR_LEVELS = {"ERROR", "CRITICAL", "FATAL"}
_REPORTS = {"platform.report", "platform.initReport"}
_ERROR_BEGINNINGS = ("[ERROR]", "[CRITICAL]", "Traceback (most recent call last)", "RequestId: ")
_KNOWN = {"timestamp", "time", "level", "message", "logger", "stackTrace", "requestId", "type", "record"}


@dataclass(frozen=True)
class LogEvent:
    """One event of a log group, as FilterLogEvents returns it."""

    time_ms: int
    stream: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Return the event for scripts; a message that is a JSON object stands as `fields`, too."""
        fields = decoded(self.message)
        return {
            "time": _time(self.time_ms), "stream": self.stream, "message": self.message,
            "fields": fields if isinstance(fields, dict) else None,
        }  # fmt: skip


def read(client: Any, group: str, start_ms: int, *, errors: bool, end_ms: int | None = None) -> Iterator[LogEvent]:
    """Yield the events since then, oldest first, page after page; boto3's errors pass through."""
    request: dict[str, Any] = {"logGroupName": group, "startTime": start_ms}
    if end_ms is not None:
        request["endTime"] = end_ms
    if errors:
        request["filterPattern"] = ERROR_PATTERN
    for page in client.get_paginator("filter_log_events").paginate(**request):
        for event in page.get("events", ()):
            message = str(event.get("message", "")).rstrip("\n")
            if not errors or is_error(message):
                yield LogEvent(int(event["timestamp"]), str(event.get("logStreamName", "")), message)


def follow(
    client: Any, group: str, start_ms: int, *, errors: bool, sleep: Callable[[float], None] = time.sleep
) -> Iterator[LogEvent]:
    """Yield the events since then, each once, and go on with new ones until the reader stops.

    Equal lines of one stream and millisecond are distinguished by their number: a fresh event may have no id yet.
    """
    seen: set[tuple[LogEvent, int]] = set()
    while True:
        latest, alike = start_ms, Counter[LogEvent]()
        for event in read(client, group, start_ms, errors=errors):
            latest = max(latest, event.time_ms)
            alike[event] += 1
            if (event, alike[event]) not in seen:
                yield event
            seen.add((event, alike[event]))
        start_ms = max(start_ms, latest - LATE_MS)
        seen = {(event, number) for event, number in seen if event.time_ms >= start_ms}
        sleep(PAUSE_SECONDS)


def is_error(message: str) -> bool:
    """True for a line of level ERROR or above, a report of a call that failed, and a runtime's last line."""
    fields = mapping(decoded(message))
    if fields.get("type") in _REPORTS:
        return mapping(fields.get("record")).get("status", "success") != "success"
    if fields:
        return str(fields.get("level", "")).upper() in _ERROR_LEVELS
    if message.startswith("REPORT RequestId:"):
        return "\tStatus: " in message
    return message.startswith(_ERROR_BEGINNINGS) or "Task timed out after" in message


def line(event: LogEvent) -> str:
    """Return the event for a person: time, level, message and fields, with a stack trace on lines of its own."""
    fields = mapping(decoded(event.message))
    if not fields:
        return f"{_time(event.time_ms)}  {one_line(event.message)}"
    if isinstance(fields.get("type"), str) and isinstance(fields.get("record"), dict):
        text = f"{fields['type']} {_pairs(_flat(fields['record']))}"
    else:
        rest = {key: value for key, value in fields.items() if key not in _KNOWN}
        text = f"{fields.get('level', ''):<8} {fields.get('message', '')}  {_pairs(rest)}"
    trace = fields.get("stackTrace")
    lines = [one_line(text).rstrip(), *(one_line(str(each)) for each in (trace if isinstance(trace, list) else ()))]
    return f"{_time(event.time_ms)}  " + "\n    ".join(lines)


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    metrics = mapping(record.get("metrics"))
    return {**{key: value for key, value in record.items() if not isinstance(value, dict | list)}, **metrics}


def _pairs(fields: dict[str, Any]) -> str:
    return " ".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in fields.items()
    )


def _time(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
