"""Metrics of alarms that notify a subscriber."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.audit.model import AlarmMetric
    from estate_tool.audit.reader import Reader

_NAMED = re.compile(r"(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*\"?([^\")]+?)\"?\s*\)", re.IGNORECASE)


def watched(reader: Reader) -> frozenset[AlarmMetric]:
    """Return the metrics of every alarm with an action, or in the rule of a composite alarm with one."""
    simple, composite = (
        reader.pages("cloudwatch", "describe_alarms", f"{kind}Alarms", AlarmTypes=[f"{kind}Alarm"])
        for kind in ("Metric", "Composite")
    )
    notifying = {name for alarm in (*simple, *composite) if _notifies(alarm) for name in _names(alarm)}
    while True:  # a composite alarm that notifies may be made of others
        rules = [alarm["AlarmRule"] for alarm in composite if not notifying.isdisjoint(_names(alarm))]
        named = {name for rule in rules for name in _NAMED.findall(rule)}
        if named <= notifying:
            break
        notifying |= named
    watching = (alarm for alarm in simple if not notifying.isdisjoint(_names(alarm)))
    return frozenset(metric for alarm in watching for metric in _metrics(alarm))


def _names(alarm: Mapping[str, Any]) -> set[str]:
    """Return the name and the ARN, by either of which a rule names an alarm."""
    return {alarm["AlarmName"], alarm.get("AlarmArn") or alarm["AlarmName"]}


def _notifies(alarm: Mapping[str, Any]) -> bool:
    return bool(alarm.get("ActionsEnabled", True) and alarm.get("AlarmActions"))


def _metrics(alarm: Mapping[str, Any]) -> Iterator[AlarmMetric]:
    queries = ((query.get("MetricStat") or {}).get("Metric") for query in alarm.get("Metrics") or [])
    for metric in (alarm, *filter(None, queries)):
        if metric.get("MetricName"):
            dimensions = frozenset((one["Name"], one["Value"]) for one in metric.get("Dimensions") or [])
            yield metric["Namespace"], metric["MetricName"], dimensions
