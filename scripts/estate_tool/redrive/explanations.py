"""Reasons of failures, from the functions' logs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.core.retries import code_of
from estate_tool.core.untrusted import decoded, mapping, text_of

if TYPE_CHECKING:
    from estate_tool.events.stream_failures import Range
    from foundation.naming import Names

# A log is read from a while before the first failure on, and only so far: it explains, nothing depends on it.
_SECONDS_BEFORE, _MOST_PAGES = 3600.0, 20
# Without a right to read it, or without its log group, failures are listed all the same.
_NUMBER = re.compile(r"[0-9]{1,40}")
_UNREADABLE = {"ResourceNotFoundException", "AccessDeniedException"}


@dataclass
class _Reasons:
    by_message: dict[str, str] = field(default_factory=dict)
    by_record: dict[int, str] = field(default_factory=dict)
    latest: str = ""


class Explanations:
    """The reasons in the functions' logs, each log read once."""

    def __init__(self, logs: Any, names: Names) -> None:
        self._logs = logs
        self._names = names
        self._read: dict[str, _Reasons] = {}

    def of_message(self, function: str, message_id: str, around: float) -> str:
        """Why a message was not processed: what was logged of it, else the last that kept all from being processed."""
        reasons = self._reasons(function, around)
        return reasons.by_message.get(message_id) or reasons.latest

    def of_batch(self, function: str, batch: Range, around: float) -> str:
        """Why the records of a batch were not processed."""
        reasons = self._reasons(function, around)
        first, last = int(batch.first), int(batch.last)
        own = (reason for number, reason in reasons.by_record.items() if first <= number <= last)
        return next(own, "") or reasons.latest

    def _reasons(self, function: str, around: float) -> _Reasons:
        if function not in self._read:
            self._read[function] = self._search(self._names.log_group(function), around - _SECONDS_BEFORE)
        return self._read[function]

    def _search(self, group: str, since: float) -> _Reasons:
        reasons, more = _Reasons(), dict[str, str]()
        try:
            for _ in range(_MOST_PAGES):
                answer = self._logs.filter_log_events(
                    logGroupName=group, filterPattern="ERROR", startTime=max(0, int(since * 1000)), **more
                )
                for event in answer.get("events", ()):
                    _note(event["message"], reasons)
                if not answer.get("nextToken"):
                    break
                more = {"nextToken": answer["nextToken"]}
        except self._logs.exceptions.ClientError as error:
            if code_of(error) not in _UNREADABLE:
                raise
        return reasons


def _note(line: str, reasons: _Reasons) -> None:
    entry = mapping(decoded(line))
    reason = text_of(entry.get("reason"))
    if entry.get("level") != "ERROR" or not reason:
        return
    number = text_of(entry.get("sequenceNumber"))
    if "messageId" in entry:
        reasons.by_message[text_of(entry["messageId"])] = reason
    elif _NUMBER.fullmatch(number):
        reasons.by_record[int(number)] = reason
    else:
        reasons.latest = reason
