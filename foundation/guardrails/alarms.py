"""The rule on alarms: every declared resource has its set, and what users would notice pages.

The lists stand here a second time, apart from the layer that makes the alarms, so that none can go by oversight.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from foundation.catalog import CATALOG
from foundation.guardrails.rules import UNKNOWN, Finding, Resource, Resources, of_type, suffixes_of
from foundation.layers import project
from foundation.model import Catalog, Function, QueueTrigger, StreamTrigger
from foundation.naming import Names

Wanted = tuple[str, set[str]]  # an alarm's purpose, and the names it has to watch: a metric, a resource

# By the words that alarms' names end in: the metric each is about.
_FUNCTION = {
    "errors": "Errors",
    "error-rate": "Errors",
    "throttles": "Throttles",
    "duration": "Duration",
    "dead-lettering": "DeadLetterErrors",
}
_ON_STREAM = {"lag": "IteratorAge", "delivery": "DestinationDeliveryFailures"}
_BOUNDED = {"concurrency": "ConcurrentExecutions"}
_CRITICAL = {
    "latency": "Duration",
    "spillover": "ProvisionedConcurrencySpilloverInvocations",
    "under-use": "ProvisionedConcurrencyUtilization",
}
_QUEUE = {"age": "ApproximateAgeOfOldestMessage", "in-flight": "ApproximateNumberOfMessagesNotVisible"}
_FAILURES = {"depth": "ApproximateNumberOfMessagesVisible", "expiry": "ApproximateAgeOfOldestMessage"}
_TABLE = {
    "read-throttling": "ReadThrottleEvents",
    "write-throttling": "WriteThrottleEvents",
    "faults": "SystemErrors",
    "read-capacity": "ConsumedReadCapacityUnits",
    "write-capacity": "ConsumedWriteCapacityUnits",
}
# Which of them show a symptom, whose composite alarm pages.
_SYMPTOMS = {
    "events-lost": ("depth", "dead-lettering", "delivery"),
    "events-late": ("age", "lag"),
    "queries-slow": ("latency", "spillover"),
}


def alarms(resources: Resources, catalog: Catalog = CATALOG) -> Iterator[Finding]:
    """Every declared resource has its alarms. They stand in one layer, what they watch in others."""
    single = of_type(resources, "cloudwatch/metricAlarm:MetricAlarm")
    stack = next((item for item in resources if item.type == "pulumi:pulumi:Stack"), None)
    if stack is None or stack.project != project("observability") or any(_unknown(alarm) for alarm in single):
        return
    watched = {alarm.text("name"): set(_watched(alarm.props)) for alarm in single}
    rules = {
        alarm.text("alarmName"): alarm.props.get("alarmRule")
        for alarm in of_type(resources, "cloudwatch/compositeAlarm:CompositeAlarm")
    }
    for suffix in suffixes_of(single) or [""]:
        names = Names(suffix)
        wanted = dict(_wanted(catalog, names))
        for purpose, about in wanted.items():
            name = names.of("alarm", purpose)
            if not about <= watched.get(name, set()):
                mend = "add it to the alarms in observability"
                yield Finding(resource=stack, found=f"no alarm {name} on {' of '.join(sorted(about))}", mend=mend)
        for found in _unnoticed(list(wanted), names, rules):
            yield Finding(resource=stack, found=found, mend="have it in observability/symptoms.py, so that it pages")


def _wanted(catalog: Catalog, names: Names) -> Iterator[Wanted]:
    for function in catalog.functions:
        yield from _each(function.name, _function_metrics(function), names.function(function.name))
        yield f"{function.name}-memory", {names.of("memory-used", function.name)}
        if not isinstance(function.trigger, QueueTrigger):
            yield from _each(f"dlq-{function.name}", _FAILURES, names.dead_letter_queue(function.name))
    for queue in catalog.queues:
        yield from _each(f"queue-{queue.name}", _QUEUE, names.queue(queue.name))
        yield from _each(f"dlq-{queue.name}", _FAILURES, names.dead_letter_queue(queue.name))
    for table in catalog.tables:
        yield from _each(f"table-{table.name}", _TABLE, names.table(table.name))


def _each(label: str, metrics: Mapping[str, str], resource: str) -> Iterator[Wanted]:
    return ((f"{label}-{word}", {metric, resource}) for word, metric in metrics.items())


def _function_metrics(function: Function) -> Mapping[str, str]:
    on_stream = _ON_STREAM if isinstance(function.trigger, StreamTrigger) else {}
    bounded = _BOUNDED if function.concurrency_limit is not None else {}
    return {**_FUNCTION, **on_stream, **bounded, **(_CRITICAL if function.critical else {})}


def _unnoticed(purposes: list[str], names: Names, rules: Mapping[str, Any]) -> Iterator[str]:
    """Alarms that show a symptom and are not in the rule of its composite alarm, where that is known."""
    for symptom, words in _SYMPTOMS.items():
        composite = names.of("alarm", f"estate-{symptom}")
        rule = _with_parts(rules.get(composite, ""), rules)
        for name in (
            names.of("alarm", purpose) for purpose in purposes if purpose.endswith(tuple(f"-{w}" for w in words))
        ):
            if rule is not UNKNOWN and f'ALARM("{name}")' not in str(rule):
                yield f"{name} not in a composite alarm {composite}"


def _with_parts(rule: Any, rules: Mapping[str, Any]) -> Any:
    """A rule, followed by those of the composite alarms that it names; unknown when one of them is."""
    if rule is UNKNOWN:
        return UNKNOWN
    parts = [rules[name] for name in re.findall(r'ALARM\("([^"]+)"\)', str(rule)) if name in rules]
    return UNKNOWN if UNKNOWN in parts else " ".join([str(rule), *map(str, parts)])


def _metrics(props: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The alarm's own metric, and those that its metric math is about."""
    yield props
    yield from (query.get("metric") or {} for query in props.get("metricQueries") or ())


def _watched(props: Mapping[str, Any]) -> Iterator[str]:
    for metric in _metrics(props):
        yield str(metric.get("metricName"))
        yield from (str(value) for value in (metric.get("dimensions") or {}).values())


def _unknown(alarm: Resource) -> bool:
    """Whether a preview can't say yet what an alarm is about."""
    if UNKNOWN in (alarm.props.get("metricQueries"), alarm.props.get("dimensions")):
        return True
    return any(
        UNKNOWN in (metric.get("metricName"), *(metric.get("dimensions") or {}).values())
        for metric in _metrics(alarm.props)
    )
