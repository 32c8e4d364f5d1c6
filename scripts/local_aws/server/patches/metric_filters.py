"""CloudWatch Logs: metric filters make metrics of log events, and log groups say how much they take in."""

from __future__ import annotations

import functools
import logging
from typing import Any

from local_aws.server.log_patterns import Fields, Invalid, matcher, number
from local_aws.server.patches import filtering
from local_aws.server.patches.published import count
from local_aws.server.patches.target import cloudwatch, cloudwatch_logs, responses

logger = logging.getLogger("metric-filters")

# What CloudWatch counts beside the bytes of each event.
_OVERHEAD_BYTES = 26


def apply() -> None:
    """Make the corrections."""
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
    matches = filtering.compiled(pattern)
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
