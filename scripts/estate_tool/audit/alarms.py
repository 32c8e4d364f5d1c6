"""Metrics that alarms of an account look at, of those alarms that notify a subscriber."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.audit.reader import Reader

Watched = tuple[str, str, frozenset[tuple[str, str]]]
_NAMED = re.compile(r"(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*\"?([^\")]+?)\"?\s*\)", re.IGNORECASE)


def watched(reader: Reader) -> frozenset[Watched]:
    """Return (namespace, metric, dimensions) of every alarm with an action, or in the rule of a composite with one."""
    paginator = reader.client("cloudwatch").get_paginator("describe_alarms")
    simple, composite = list[Any](), list[Any]()
    for page in paginator.paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
        simple += page.get("MetricAlarms") or []
        composite += page.get("CompositeAlarms") or []
    heard = {form for alarm in (*simple, *composite) if _notifies(alarm) for form in _forms(alarm)}
    # A composite that notifies may be made of others.
    waiting = [alarm for alarm in composite if not heard.isdisjoint(_forms(alarm))]
    while waiting:
        named = set(_NAMED.findall(waiting.pop()["AlarmRule"]))
        waiting += [alarm for alarm in composite if named & _forms(alarm) and heard.isdisjoint(_forms(alarm))]
        heard |= named
    return frozenset(metric for alarm in simple if not heard.isdisjoint(_forms(alarm)) for metric in _metrics(alarm))


def _forms(alarm: Mapping[str, Any]) -> set[str]:
    return {alarm["AlarmName"], alarm.get("AlarmArn") or alarm["AlarmName"]}


def _notifies(alarm: Mapping[str, Any]) -> bool:
    return bool(alarm.get("ActionsEnabled", True) and alarm.get("AlarmActions"))


def _metrics(alarm: Mapping[str, Any]) -> Iterator[Watched]:
    if alarm.get("MetricName"):
        yield alarm["Namespace"], alarm["MetricName"], _dimensions(alarm.get("Dimensions") or [])
    for query in alarm.get("Metrics") or []:
        metric = (query.get("MetricStat") or {}).get("Metric")
        if metric:
            yield metric["Namespace"], metric["MetricName"], _dimensions(metric.get("Dimensions") or [])


def _dimensions(listed: list[Mapping[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((entry["Name"], entry["Value"]) for entry in listed)
