"""CloudWatch Logs: FilterLogEvents hands out all pages, and knows `?term` (any of these) and phrases in quotes.

ministack ends after the first 10,000 events without a token, so a reader would take a part for the whole; and it takes
`?term` for a literal, so nothing would match.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local_aws.server.log_patterns import Invalid, matcher
from local_aws.server.patches.target import cloudwatch_logs, responses

_MOST = 10_000
_TERM = re.compile(r'(?P<sign>[?-]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>\S+))')
_whole: Callable[[str], Callable[[str], bool]] = cloudwatch_logs._compile_filter_pattern


def apply() -> None:
    """Make the corrections."""
    cloudwatch_logs._compile_filter_pattern = compiled
    cloudwatch_logs._filter_log_events = _filter


def compiled(pattern: str) -> Callable[[str], bool]:
    """True if a message matches ("Filter pattern syntax"); case matters."""
    if pattern.lstrip().startswith(("{", "[")):
        find = matcher(pattern)
        return lambda message: find(message) is not None
    if pattern.lstrip().startswith("%"):
        return _whole(pattern)
    terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
    for term in _TERM.finditer(pattern):
        phrase = term["phrase"]
        terms[term["sign"]].append(term["word"] if phrase is None else phrase.replace('\\"', '"'))

    def matches(message: str) -> bool:
        if terms[""] or terms["-"]:  # beside others, AWS ignores the optional ones
            return all(term in message for term in terms[""]) and not any(term in message for term in terms["-"])
        return not terms["?"] or any(term in message for term in terms["?"])

    return matches


def _filter(data: dict[str, Any]) -> Any:
    group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(data))
    if group is None:
        message = "The specified log group does not exist."
        return responses.error_response_json("ResourceNotFoundException", message, 400)
    try:
        found = _found(group["streams"], data)
    except Invalid as error:
        return responses.error_response_json("InvalidParameterException", f"Invalid filter pattern: {error}", 400)
    first = int(data.get("nextToken") or 0)
    last = first + min(data.get("limit") or _MOST, _MOST)
    more = {"nextToken": str(last)} if last < len(found) else {}
    return responses.json_response({"events": found[first:last], "searchedLogStreams": [], **more})


def _found(streams: dict[str, Any], data: dict[str, Any]) -> list[dict[str, Any]]:
    """The matching events of the streams, oldest first."""
    matches = compiled(data.get("filterPattern") or "")
    start, end = data.get("startTime") or 0, data.get("endTime") or float("inf")
    with cloudwatch_logs._log_events_lock:
        found = [
            {**event, "logStreamName": name}
            for name in data.get("logStreamNames") or streams
            if name.startswith(data.get("logStreamNamePrefix") or "")
            for event in streams.get(name, {"events": []})["events"]
            if start <= event["timestamp"] <= end and matches(event["message"])
        ]
    return sorted(found, key=lambda event: event["timestamp"])
