"""CloudWatch Logs: pages and terms of FilterLogEvents, saved queries, metric filters."""

from __future__ import annotations

import functools
import json
import logging
import re
import time
from collections.abc import Callable
from typing import Any

from local_aws.server.log_patterns import Fields, Invalid, matcher, number
from local_aws.server.patches.published import count
from local_aws.server.patches.target import cloudwatch, cloudwatch_logs, new_uuid, persist, responses


def apply() -> None:
    """Make the corrections."""
    _correct_filtering()
    _add_saved_queries()
    _apply_metric_filters()


# --- FilterLogEvents -------------------------------------------------------------------------------------------------

_MOST_EVENTS = 10_000
_TERM = re.compile(r'(?P<sign>[?-]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>\S+))')
_whole: Callable[[str], Callable[[str], bool]] = cloudwatch_logs._compile_filter_pattern


def _correct_filtering() -> None:
    """Hand out all pages, and know `?term` (any of these) and phrases in quotes.

    ministack ends after the first 10,000 events without a token, so a reader would take a part for the whole; and it
    takes `?term` for a literal, so nothing would match.
    """
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
    last = first + min(data.get("limit") or _MOST_EVENTS, _MOST_EVENTS)
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


# --- saved queries ---------------------------------------------------------------------------------------------------

_KEPT = ("name", "queryString", "queryLanguage", "logGroupNames")
_MOST_QUERIES = 1000

_definitions = responses.AccountRegionScopedDict()


def _add_saved_queries() -> None:
    """Add the operations on query definitions, which ministack lacks."""
    handle = cloudwatch_logs.handle_request

    async def with_definitions(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        action = _ACTIONS.get(headers.get("x-amz-target", "").rpartition(".")[2])
        return action(json.loads(body or b"{}")) if action else await handle(method, path, headers, body, query)

    cloudwatch_logs.handle_request = with_definitions
    persist(cloudwatch_logs, query_definitions=_definitions)


def _put(data: dict[str, Any]) -> Any:
    # The token is the same when a call is repeated because its answer was lost: that must not make a second one.
    identifier = data.get("queryDefinitionId") or data.get("clientToken") or new_uuid()
    if data.get("queryDefinitionId") and identifier not in _definitions:
        return _missing(identifier)
    if not data.get("name") or not data.get("queryString"):
        return responses.error_response_json("InvalidParameterException", "name and queryString are required", 400)
    kept = {key: data[key] for key in _KEPT if data.get(key)}
    given = {"queryDefinitionId": identifier, "lastModified": int(time.time() * 1000)}
    _definitions[identifier] = {"queryLanguage": "CWLI"} | kept | given
    return responses.json_response({"queryDefinitionId": identifier})


def _describe(data: dict[str, Any]) -> Any:
    prefix, first = data.get("queryDefinitionNamePrefix") or "", int(data.get("nextToken") or 0)
    last = first + (data.get("maxResults") or _MOST_QUERIES)
    matching = [one for one in _definitions.values() if one["name"].startswith(prefix)]
    found = sorted(matching, key=lambda one: one["name"])
    more = {"nextToken": str(last)} if last < len(found) else {}
    return responses.json_response({"queryDefinitions": found[first:last], **more})


def _delete(data: dict[str, Any]) -> Any:
    identifier = data.get("queryDefinitionId", "")
    if _definitions.pop(identifier, None) is None:
        return _missing(identifier)
    return responses.json_response({"success": True})


def _missing(identifier: str) -> Any:
    return responses.error_response_json("ResourceNotFoundException", f"There is no query definition {identifier}", 400)


_ACTIONS = {"PutQueryDefinition": _put, "DescribeQueryDefinitions": _describe, "DeleteQueryDefinition": _delete}


# --- metric filters --------------------------------------------------------------------------------------------------

logger = logging.getLogger("metric-filters")

# What CloudWatch counts beside the bytes of each event.
_OVERHEAD_BYTES = 26


def _apply_metric_filters() -> None:
    """Make metrics of log events, and count how much log groups take in."""
    put, fan_out = cloudwatch_logs._put_metric_filter, cloudwatch_logs._fanout_to_subscription_filters

    def checked(data: dict[str, Any]) -> Any:
        """AWS refuses a pattern that it can't read."""
        try:
            _finder(data.get("filterPattern") or "")
        except Invalid as error:
            message = f"Invalid metric filter pattern: {error}"
            return responses.error_response_json("InvalidParameterException", message, 400)
        return put(data)

    def observed(group: str, stream: str, events: list[dict[str, Any]]) -> None:
        # Every event that is taken in comes by here.
        try:
            _observe(group, events)
        except Exception:
            logger.exception("the metric filters of %s could not be applied", group)
        fan_out(group, stream, events)

    cloudwatch_logs._put_metric_filter = checked
    cloudwatch_logs._fanout_to_subscription_filters = observed


def _observe(group: str, events: list[dict[str, Any]]) -> None:
    size = sum(len(str(event.get("message", "")).encode()) + _OVERHEAD_BYTES for event in events)
    count("AWS/Logs", "IncomingBytes", size, "Bytes", LogGroupName=group)
    count("AWS/Logs", "IncomingLogEvents", len(events), LogGroupName=group)
    for (of_group, _name), kept in cloudwatch_logs._metric_filters.items():
        if of_group == group:
            find = _finder(kept["filterPattern"])
            for event in events:
                fields = find(event.get("message", ""))
                for transformation in kept["metricTransformations"]:
                    _transform(transformation, fields)


@functools.lru_cache(maxsize=512)
def _finder(pattern: str) -> Any:
    """Return the finder of a matching message's fields; patterns of words have none."""
    if pattern.lstrip().startswith(("{", "[")):
        return matcher(pattern)
    matches = compiled(pattern)
    return lambda message: (lambda _selector: None) if matches(message) else None


def _transform(transformation: dict[str, Any], fields: Fields | None) -> None:
    """Put the metric of a matching event, or the default value for another one."""
    namespace, name = transformation["metricNamespace"], transformation["metricName"]
    unit = transformation.get("unit") or "None"
    if fields is None:
        if transformation.get("defaultValue") is not None:
            cloudwatch.record_metric(namespace, name, float(transformation["defaultValue"]), unit, {})
        return
    stated = transformation["metricValue"]
    value = number(fields(stated) if stated.startswith("$") else stated)
    dimensions = {key: fields(selector) for key, selector in (transformation.get("dimensions") or {}).items()}
    # AWS puts no metric for an event that lacks the value or one of the dimensions.
    if value is not None and None not in dimensions.values():
        texts = {key: str(found) for key, found in dimensions.items()}
        cloudwatch.record_metric(namespace, name, value, unit, texts)
