"""The rule on alarms: every declared resource is watched, and somebody is notified of every alarm.

Which alarms there are stands in the observability layer alone; a snapshot in the tests holds the whole list.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from foundation.catalog import CATALOG
from foundation.guardrails.rules import CONFIGURATION, UNKNOWN, Finding, Resource, Resources, of_type, suffixes_of
from foundation.layers import project
from foundation.model import Catalog, ScheduleTrigger, StreamTrigger
from foundation.naming import Names

LEVEL = "observability:alarmLevel"
_NAMED = re.compile(r'ALARM\("([^"]+)"\)')


def alarms(resources: Resources, catalog: Catalog = CATALOG) -> Iterator[Finding]:
    """Yield each resource of the catalog that no alarm watches, and each alarm that notifies nobody."""
    single = of_type(resources, "cloudwatch/metricAlarm:MetricAlarm")
    composite = of_type(resources, "cloudwatch/compositeAlarm:CompositeAlarm")
    stack = next((item for item in resources if item.type == "pulumi:pulumi:Stack"), None)
    if stack is None or stack.project != project("observability") or any(_unknown(alarm) for alarm in single):
        return
    watched = {item for alarm in single for item in _watched(alarm.props)}
    names = Names(next(iter(suffixes_of(single)), ""))
    for metric, resource in _wanted(catalog, names, _level(resources)):
        if (metric, resource) not in watched:
            fix = "add it to the alarms in observability"
            yield Finding(resource=stack, found=f"no alarm on {metric} of {resource}", fix=fix)
    if any(UNKNOWN in (alarm.props.get("alarmRule"), alarm.props.get("alarmActions")) for alarm in composite):
        return
    notified = _notified_of(composite)
    for alarm in single:
        name = alarm.text("name")
        if not alarm.props.get("alarmActions") and name not in notified:
            fix = "give it a severity, or a symptom whose composite alarm notifies (observability/symptoms.py)"
            yield Finding(resource=alarm, found=f"nobody is notified of {name}", fix=fix)


def _level(resources: Resources) -> str:
    configured = (item.props.get(LEVEL) for item in resources if item.type == CONFIGURATION)
    return str(next(configured, None) or "standard")


def _wanted(catalog: Catalog, names: Names, level: str) -> Iterator[tuple[str, str]]:
    """The metric that tells whether each resource does its work; causes only beyond the level of symptoms.

    Where nothing but losses page, no more than the dead-letter queues.
    """
    pages = level == "pages"
    for queue in catalog.queues:
        if not pages:
            yield "ApproximateAgeOfOldestMessage", names.queue(queue.name)
    for name in catalog.dead_letter_queues:
        yield "ApproximateNumberOfMessagesVisible", names.dead_letter_queue(name)
    for function in catalog.functions:
        if pages:
            continue
        if isinstance(function.trigger, StreamTrigger):
            yield "IteratorAge", names.function(function.name)
        if isinstance(function.trigger, ScheduleTrigger):
            yield "InvocationsFailedToBeSentToDeadLetterCount", names.schedule(function.name)
        if function.critical or level != "symptoms":
            yield "Errors", names.function(function.name)
    for table in catalog.tables if level not in ("pages", "symptoms") else ():
        yield "ReadThrottleEvents", names.table(table.name)
        yield "WriteThrottleEvents", names.table(table.name)


def _notified_of(composite: Resources) -> set[str]:
    """Names of the alarms whose change a composite alarm notifies of, by itself or by a part of it."""
    about = {alarm.text("alarmName"): set(_NAMED.findall(str(alarm.props.get("alarmRule")))) for alarm in composite}
    found = {name for alarm in composite if alarm.props.get("alarmActions") for name in about[alarm.text("alarmName")]}
    return found.union(*(about[name] for name in found & about.keys()))


def _metrics(props: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The alarm's own metric, and those that its metric math is about."""
    yield props
    yield from (query.get("metric") or {} for query in props.get("metricQueries") or ())


def _watched(props: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for metric in _metrics(props):
        for value in (metric.get("dimensions") or {}).values():
            yield str(metric.get("metricName")), str(value)


def _unknown(alarm: Resource) -> bool:
    """True if a preview can't tell yet what an alarm watches."""
    if UNKNOWN in (alarm.props.get("metricQueries"), alarm.props.get("dimensions"), alarm.props.get("alarmActions")):
        return True
    return any(
        UNKNOWN in (metric.get("metricName"), *(metric.get("dimensions") or {}).values())
        for metric in _metrics(alarm.props)
    )
