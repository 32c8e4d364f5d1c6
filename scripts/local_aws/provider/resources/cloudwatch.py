"""Amazon CloudWatch: metric alarms, composite alarms, dashboards."""

from __future__ import annotations

from typing import Any, Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging
from local_aws.provider.wire import Properties

_GONE: Final = ("ResourceNotFound", "ResourceNotFoundException", "DashboardNotFoundError")
_TAGGING: Final = Tagging("list_tags_for_resource", "tag_resource", "untag_resource", "ResourceARN")
_ACTIONS: Final = frozenset({"alarmActions", "okActions", "insufficientDataActions"})
_METRIC: Final = {"Period": "period", "Stat": "stat", "Unit": "unit"}
_QUERY: Final = {"Id": "id", "AccountId": "accountId", "Expression": "expression", "Label": "label", "Period": "period"}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _to_query(query: Properties) -> dict[str, Any]:
    """A metric query of the SDK carries its metric flat, CloudWatch nests it."""
    metric = query.get("metric") or {}
    dimensions = [{"Name": name, "Value": value} for name, value in sorted(metric.get("dimensions", {}).items())]
    inner = _given(Namespace=metric.get("namespace"), MetricName=metric.get("metricName"), Dimensions=dimensions)
    stat = _given(Metric=inner, **{aws: metric.get(name) for aws, name in _METRIC.items()})
    plain = {aws: query.get(name) for aws, name in _QUERY.items()}
    return _given(MetricStat=stat, **plain) | {"ReturnData": query.get("returnData", False)}


def _from_query(query: dict[str, Any]) -> Properties:
    stat = query.get("MetricStat") or {}
    inner = stat.get("Metric", {})
    metric = _given(
        namespace=inner.get("Namespace"), metricName=inner.get("MetricName"),
        dimensions={pair["Name"]: pair["Value"] for pair in inner.get("Dimensions", [])},
        **{name: stat.get(aws) for aws, name in _METRIC.items()},
    )  # fmt: skip
    plain = {name: query.get(aws) for aws, name in _QUERY.items()}
    return _given(metric=metric, **plain) | {"returnData": query.get("ReturnData", True)}


def _to_queries(change: Change) -> list[dict[str, Any]] | None:
    return [_to_query(query) for query in change.new.get("metricQueries", [])] or None


def _of_metric(field: str) -> Any:
    """The field of an alarm on one metric; the embedded AWS makes one up for alarms on queries or percentiles."""

    def value(record: Properties) -> Any:
        made_up = field == "Statistic" and "extendedStatistic" in record["_state"]
        return record.get(field) if record.get("MetricName") and not made_up else None

    return value


def _but_for_tags(change: Change) -> bool:
    """A put replaces the whole alarm: it is made whichever property has changed."""
    return change.changed(*(name for name in change.new.keys() | change.old.keys() if name not in {"tags", "tagsAll"}))


def _named(name: str) -> Any:
    return lambda change: [change.new[name]]


_METRIC_ALARM = ResourceType(
    token="aws:cloudwatch/metricAlarm:MetricAlarm",
    service="cloudwatch",
    gone=_GONE,
    names={
        "name": "AlarmName",
        "arn": "AlarmArn",
        "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
    },
    create=[Call("put_metric_alarm", {"Metrics": _to_queries})],
    read=[(Call("describe_alarms", {"AlarmNames": _named("name"), "AlarmTypes": ["MetricAlarm"]}), "MetricAlarms[0]")],
    outputs={
        "metricQueries": lambda record: [_from_query(query) for query in record.get("Metrics") or []] or None,
        "statistic": _of_metric("Statistic"),
        "period": _of_metric("Period"),
    },
    update=[Call("put_metric_alarm", {"Metrics": _to_queries, "Tags": None}, _but_for_tags)],
    delete=[Call("delete_alarms", {"AlarmNames": _named("name")})],
    tagging=_TAGGING,
    force_new={"name"},
    defaults={"actionsEnabled": True, "treatMissingData": "missing"},
    computed={"evaluateLowSampleCountPercentiles"},
    # Not returned by the embedded AWS.
    kept={"metricQueries", "extendedStatistic", "evaluateLowSampleCountPercentiles", "thresholdMetricId", "unit"},
    unsupported={"evaluationCriteria", "evaluationInterval", "evaluationWindow", "warmUpConfiguration"},
    sets=_ACTIONS | {"metricQueries"},
)

_COMPOSITE = ResourceType(
    token="aws:cloudwatch/compositeAlarm:CompositeAlarm",
    service="cloudwatch",
    gone=_GONE,
    names={"arn": "AlarmArn"},
    create=[Call("put_composite_alarm")],
    read=[
        (
            Call("describe_alarms", {"AlarmNames": _named("alarmName"), "AlarmTypes": ["CompositeAlarm"]}),
            "CompositeAlarms[0]",
        )
    ],
    update=[Call("put_composite_alarm", {"Tags": None}, _but_for_tags)],
    delete=[Call("delete_alarms", {"AlarmNames": _named("alarmName")})],
    tagging=_TAGGING,
    id=("{alarmName}",),
    imports=("{alarmName}",),
    force_new={"alarmName", "actionsEnabled"},
    defaults={"actionsEnabled": True},
    unsupported={"actionsSuppressor"},
    sets=_ACTIONS,
    named=None,
)

_DASHBOARD = ResourceType(
    token="aws:cloudwatch/dashboard:Dashboard",
    service="cloudwatch",
    gone=_GONE,
    create=[Call("put_dashboard")],
    read=[(Call("get_dashboard"), "@")],
    update=[Call("put_dashboard")],
    delete=[Call("delete_dashboards", {"DashboardNames": _named("dashboardName")})],
    id=("{dashboardName}",),
    imports=("{dashboardName}",),
    force_new={"dashboardName"},
    json={"dashboardBody"},
    named=None,
)

TYPES: Final = (_METRIC_ALARM, _COMPOSITE, _DASHBOARD)
