"""Rules that take all resources of a layer together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from foundation.catalog import CATALOG
from foundation.guardrails.rules import UNKNOWN, Finding, Resource, StackRule
from foundation.model import Catalog, Function, QueueTrigger, StreamTrigger
from foundation.naming import Names

Resources = Sequence[Resource]
_NAMED_WITHIN_ANOTHER = {"aws:lambda/alias:Alias"}
_DIRECTIONS = ("Read", "Write")


def _of(resources: Resources, type_: str) -> list[Resource]:
    return [resource for resource in resources if resource.type == f"aws:{type_}"]


def _suffixes(resources: Resources) -> list[str]:
    """The suffixes that the layer's tags name: one, unless rule one-environment is broken."""
    return sorted({tag for resource in resources if isinstance(tag := resource.tags.get("Environment"), str)})


def _one_environment(resources: Resources) -> Iterator[Finding]:
    suffixes = _suffixes(resources)
    for resource in resources:
        tag = resource.tags.get("Environment")
        if len(suffixes) > 1 and isinstance(tag, str):
            mend = "take the tags of every resource from one environment's foundation"
            yield Finding(resource=resource, found=f"tag Environment {tag!r} beside others in this layer", mend=mend)
        name = resource.props.get("dashboardName") or resource.props.get("name")
        ours = resource.type.startswith("aws:") and resource.type not in _NAMED_WITHIN_ANOTHER
        if ours and suffixes and isinstance(name, str) and not any(name.endswith(f"-{suffix}") for suffix in suffixes):
            mend = f"name it through foundation.name(kind, purpose), so that it ends with -{suffixes[0]}"
            yield Finding(resource=resource, found=f"name {name!r}", mend=mend)


def _log_groups(resources: Resources) -> Iterator[Finding]:
    groups = {group.props.get("name") for group in _of(resources, "cloudwatch/logGroup:LogGroup")}
    for function in _of(resources, "lambda/function:Function"):
        group = function.text("loggingConfig", "logGroup") or f"/aws/lambda/{function.text('name')}"
        if not {group, UNKNOWN} & groups:
            mend = "declare its log group in the same layer, with a retention"
            yield Finding(resource=function, found=f"no log group {group}", mend=mend)


def _scaling(resources: Resources) -> Iterator[Finding]:
    scaled: dict[str, set[tuple[Any, Any]]] = {
        kind: {
            (item.props.get("resourceId"), item.props.get("scalableDimension"))
            for item in _of(resources, f"appautoscaling/{kind}")
        }
        for kind in ("target:Target", "policy:Policy")
    }
    for table in _of(resources, "dynamodb/table:Table"):
        if table.props.get("billingMode") in ("PAY_PER_REQUEST", UNKNOWN):
            continue
        for direction in _DIRECTIONS:
            dimension = f"dynamodb:table:{direction}CapacityUnits"
            wanted = {(f"table/{table.props.get('name')}", dimension), (UNKNOWN, dimension)}
            for kind, found in scaled.items():
                if not wanted & found:
                    word = kind.partition(":")[0]
                    mend = "declare capacity in both directions in foundation/catalog.py, or none (on demand)"
                    found_text = f"provisioned {direction.lower()} capacity without a scaling {word}"
                    yield Finding(resource=table, found=found_text, mend=mend)


def _warm(resources: Resources, catalog: Catalog = CATALOG) -> Iterator[Finding]:
    configs = _of(resources, "lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig")
    warm = {item.props.get("functionName") for item in configs}
    for function in _of(resources, "lambda/function:Function"):
        suffix, name = function.tags.get("Environment"), function.props.get("name")
        critical = {Names(str(suffix)).function(item.name) for item in catalog.functions if item.critical}
        if name in critical and not {name, UNKNOWN} & warm:
            mend = "keep its ProvisionedConcurrency in compute/function.py, or declare it not critical"
            yield Finding(resource=function, found="a critical function without provisioned concurrency", mend=mend)


def _alarms(resources: Resources, catalog: Catalog = CATALOG) -> Iterator[Finding]:
    """Every declared resource has its alarms. They stand in one layer, what they watch in others."""
    alarms = _of(resources, "cloudwatch/metricAlarm:MetricAlarm")
    suffixes = _suffixes(alarms)
    stack = next((item for item in resources if item.type == "pulumi:pulumi:Stack"), None)
    if stack is None or stack.project != "observability" or any(_unknown(alarm) for alarm in alarms):
        return
    watched = {pair for alarm in alarms for pair in _watched(alarm.props)}
    for suffix in suffixes or [""]:
        for name, metrics in _wanted(catalog, Names(suffix)):
            missing = sorted(metric for metric in metrics if (metric, name) not in watched)
            if missing:
                mend = "add them to the alarms in observability, each on that name"
                yield Finding(resource=stack, found=f"no alarm on {', '.join(missing)} of {name}", mend=mend)


def _wanted(catalog: Catalog, names: Names) -> Iterator[tuple[str, set[str]]]:
    """Physical names, each with the metrics that must have an alarm."""
    for function in catalog.functions:
        yield names.function(function.name), _function_metrics(function)
        if not isinstance(function.trigger, QueueTrigger):
            yield names.dead_letter_queue(function.name), {"ApproximateNumberOfMessagesVisible"}
    for queue in catalog.queues:
        yield names.queue(queue.name), {"ApproximateAgeOfOldestMessage"}
        yield names.dead_letter_queue(queue.name), {"ApproximateNumberOfMessagesVisible"}
    for table in catalog.tables:
        yield names.table(table.name), {"ReadThrottleEvents", "WriteThrottleEvents", "SystemErrors"}


def _function_metrics(function: Function) -> set[str]:
    metrics = {"Errors", "Throttles", "Duration", "DeadLetterErrors"}
    if isinstance(function.trigger, StreamTrigger):
        metrics |= {"IteratorAge", "DestinationDeliveryFailures"}
    if function.critical:
        metrics.add("ProvisionedConcurrencySpilloverInvocations")
    return metrics


def _metrics(props: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The alarm's own metric, and those that its metric math is about."""
    yield props
    queries: Iterable[Any] = props.get("metricQueries") or ()
    yield from (query.get("metric") or {} for query in queries)


def _watched(props: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for metric in _metrics(props):
        for value in (metric.get("dimensions") or {}).values():
            yield str(metric.get("metricName")), str(value)


def _unknown(alarm: Resource) -> bool:
    """Whether a preview can't say yet what an alarm is about."""
    if UNKNOWN in (alarm.props.get("metricQueries"), alarm.props.get("dimensions")):
        return True
    return any(UNKNOWN in (metric.get("dimensions") or {}).values() for metric in _metrics(alarm.props))


STACK_RULES = (
    StackRule(
        name="one-environment",
        statement="A layer's resources belong to one environment, and every name ends with its suffix.",
        check=_one_environment,
    ),
    StackRule(name="log-group", statement="Every function has a log group of the layer's.", check=_log_groups),
    StackRule(
        name="table-scaling",
        statement="Tables are billed on demand, or scale in both directions.",
        check=_scaling,
    ),
    StackRule(name="warm-when-critical", statement="Critical functions keep provisioned concurrency.", check=_warm),
    StackRule(name="alarms", statement="Every function, queue, failure queue and table has its alarms.", check=_alarms),
)
