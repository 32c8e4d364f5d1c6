"""Amazon CloudWatch: metric alarms, composite alarms, dashboards."""

from __future__ import annotations

from typing import Any, Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging
from local_aws.provider.rules import Failure, at_most, conflicts, exactly_one, matches, nested, one_of, ordered, within
from local_aws.provider.wire import Properties

_GONE: Final = ("ResourceNotFound", "ResourceNotFoundException", "DashboardNotFoundError")
_TAGGING: Final = Tagging("list_tags_for_resource", "tag_resource", "untag_resource", "ResourceARN")
_ACTIONS: Final = frozenset({"alarmActions", "okActions", "insufficientDataActions"})
_COMPARISONS: Final = (
    "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
    "LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold",
)  # fmt: skip
_OF_ONE_METRIC: Final = ("metricName", "namespace", "period", "statistic", "extendedStatistic", "dimensions", "unit")
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


def _watched(properties: Properties) -> Failure | None:
    """An alarm watches either one metric or the result of queries."""
    queries = properties.get("metricQueries")
    if queries is None:
        return (
            None if "metricName" in properties else ("metricName", "or metricQueries is needed: what the alarm watches")
        )
    if beside := [name for name in _OF_ONE_METRIC if name in properties]:
        return beside[0], "can't stand beside metricQueries: give it in the query's metric"
    if not isinstance(queries, list) or "thresholdMetricId" in properties:
        return None
    count = sum(isinstance(query, dict) and query.get("returnData") is True for query in queries)
    wrong = f"have {count} queries with returnData true; exactly one gives the alarm's value"
    return None if count == 1 else ("metricQueries", wrong)


def _whole_minutes(properties: Properties) -> Failure | None:
    period = properties.get("period")
    if not isinstance(period, int) or period in (10, 20, 30) or period % 60 == 0:
        return None
    return "period", f"is {period}; allowed are 10, 20, 30 and multiples of 60 seconds"


def _needed(properties: Properties) -> Failure | None:
    missing = [name for name in ("comparisonOperator", "evaluationPeriods") if name not in properties]
    return (missing[0], "missing; an alarm needs it") if missing else None


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
    rules=[
        matches("name", r".{1,255}", "1 to 255 characters"),
        matches("alarmDescription", r".{0,1024}", "at most 1024 characters"),
        one_of("comparisonOperator", *_COMPARISONS),
        one_of("treatMissingData", "missing", "ignore", "breaching", "notBreaching"),
        one_of("statistic", "SampleCount", "Average", "Sum", "Minimum", "Maximum"),
        one_of("evaluateLowSampleCountPercentiles", "evaluate", "ignore"),
        matches(
            "extendedStatistic", r"(p|tm|wm|tc|ts)\d.*|IQM|(PR|TM|WM|TC|TS)\(.*\)", "like p99, tm90 or PR(100:250)"
        ),
        conflicts("statistic", "extendedStatistic"),
        conflicts("threshold", "thresholdMetricId"),
        within("evaluationPeriods", 1, 86400),
        within("datapointsToAlarm", 1, 86400),
        ordered("datapointsToAlarm", "evaluationPeriods"),
        *(at_most(name, 5) for name in sorted(_ACTIONS)),
        _needed,
        _whole_minutes,
        _watched,
        nested("metricQueries", exactly_one("expression", "metric")),
    ],
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
    rules=[
        matches("alarmName", r".{1,255}", "1 to 255 characters"),
        matches("alarmRule", r".{1,10240}", "1 to 10240 characters"),
        matches("alarmDescription", r".{0,1024}", "at most 1024 characters"),
    ],
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
    rules=[matches("dashboardName", r"[\w-]{1,255}", "1 to 255 alphanumerics, - or _")],
)

TYPES: Final = (_METRIC_ALARM, _COMPOSITE, _DASHBOARD)
