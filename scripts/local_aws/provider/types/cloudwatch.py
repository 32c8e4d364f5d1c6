"""Amazon CloudWatch: metric alarms, composite alarms, dashboards."""

from __future__ import annotations

from typing import Any, Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging, conflicts, matches, nested, one_of, within
from local_aws.provider.types.limits import ordered, required
from local_aws.provider.wire import Properties

_GONE: Final = ("ResourceNotFound", "ResourceNotFoundException", "DashboardNotFoundError")
_TAGS: Final = (Call("list_tags_for_resource", {"ResourceARN": "{arn}"}), "{Tags: Tags}")
_TAGGING: Final = Tagging("tag_resource", "untag_resource", "ResourceARN")
_ACTIONS: Final = frozenset({"alarmActions", "okActions", "insufficientDataActions"})
_COMPARISONS: Final = ("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
                       "LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")  # fmt: skip
_OF_ONE_METRIC: Final = ("metricName", "namespace", "period", "statistic", "extendedStatistic", "dimensions", "unit")


def _given(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value not in (None, "", [], {})}


def _to_metric(metric: Properties) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in sorted(metric.get("dimensions", {}).items())]
    return _given(
        Metric=_given(Namespace=metric.get("namespace"), MetricName=metric.get("metricName"), Dimensions=dimensions),
        Period=metric.get("period"), Stat=metric.get("stat"), Unit=metric.get("unit"),
    )  # fmt: skip


def _to_queries(change: Change) -> list[dict[str, Any]] | None:
    """A metric query of the SDK carries its metric flat, CloudWatch nests it."""
    return [
        _given(Id=query["id"], AccountId=query.get("accountId"), Expression=query.get("expression"), Label=query.get("label"),
               Period=query.get("period"), MetricStat=_to_metric(query["metric"]) if query.get("metric") else None)
        | {"ReturnData": query.get("returnData", False)}
        for query in change.new.get("metricQueries", [])
    ] or None  # fmt: skip


def _from_queries(record: Properties) -> list[dict[str, Any]] | None:
    def metric(stat: dict[str, Any]) -> dict[str, Any]:
        inner = stat.get("Metric", {})
        return _given(namespace=inner.get("Namespace"), metricName=inner.get("MetricName"), period=stat.get("Period"),
                      dimensions={pair["Name"]: pair["Value"] for pair in inner.get("Dimensions", [])},
                      stat=stat.get("Stat"), unit=stat.get("Unit"))  # fmt: skip

    return [
        _given(id=query["Id"], accountId=query.get("AccountId"), expression=query.get("Expression"), label=query.get("Label"),
               period=query.get("Period"), metric=metric(query["MetricStat"]) if query.get("MetricStat") else None)
        | {"returnData": query.get("ReturnData", True)}
        for query in record.get("Metrics") or []
    ] or None  # fmt: skip


def _one_kind(properties: Properties) -> tuple[str, str] | None:
    """An alarm watches either one metric or the result of queries."""
    queries = properties.get("metricQueries")
    if queries is None:
        missing = None if "metricName" in properties or "evaluationCriteria" in properties else "metricName"
        return (missing, "missing; an alarm needs metricName or metricQueries") if missing else None
    if beside := [name for name in _OF_ONE_METRIC if name in properties]:
        return beside[0], "can't stand beside metricQueries: give it in the query's metric"
    if not isinstance(queries, list):
        return None
    returning = [query for query in queries if isinstance(query, dict) and query.get("returnData") is True]
    if len(returning) != 1 and "thresholdMetricId" not in properties:
        return "metricQueries", f"have {len(returning)} queries with returnData true; exactly one gives the alarm's value"
    return None


def _query_kind(query: Properties) -> tuple[str, str] | None:
    if ("expression" in query) == ("metric" in query):
        return "expression", "or metric is needed: exactly one of them"
    return None


_METRIC_ALARM = ResourceType(
    token="aws:cloudwatch/metricAlarm:MetricAlarm",
    service="cloudwatch",
    gone=_GONE,
    names={"name": "AlarmName", "arn": "AlarmArn", "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile"},
    create=[Call("put_metric_alarm", {"Metrics": _to_queries})],
    read=[(Call("describe_alarms", {"AlarmNames": lambda change: [change.new["name"]], "AlarmTypes": ["MetricAlarm"]}),
           "MetricAlarms[0]"), _TAGS],
    outputs={
        "metricQueries": _from_queries,
        # The embedded AWS invents these for an alarm on queries.
        "statistic": lambda record: record.get("Statistic")
        if record.get("MetricName") and not record["_state"].get("extendedStatistic") else None,
        "period": lambda record: record.get("Period") if record.get("MetricName") else None,
    },
    # A put replaces the whole alarm: it carries every property, whichever has changed.
    update=[Call("put_metric_alarm", {"Metrics": _to_queries, "Tags": None}, when=lambda change: change.changed(
        *(name for name in change.new.keys() | change.old.keys() if name not in {"tags", "tagsAll"})))],
    delete=[Call("delete_alarms", {"AlarmNames": lambda change: [change.new["name"]]})],
    tagging=_TAGGING,
    force_new=frozenset({"name"}),
    defaults={"actionsEnabled": True, "treatMissingData": "missing"},
    computed=frozenset({"evaluateLowSampleCountPercentiles"}),
    # Not returned by the embedded AWS.
    kept=frozenset({"metricQueries", "extendedStatistic", "evaluateLowSampleCountPercentiles", "thresholdMetricId", "unit"}),
    unsupported=frozenset({"evaluationCriteria", "evaluationInterval", "evaluationWindow", "warmUpConfiguration"}),
    sets=_ACTIONS | {"metricQueries"},
    name_limit=255,
    rules=[
        matches("name", r".{1,255}", "1 to 255 characters"),
        matches("alarmDescription", r".{0,1024}", "at most 1024 characters"),
        one_of("comparisonOperator", *_COMPARISONS),
        one_of("treatMissingData", "missing", "ignore", "breaching", "notBreaching"),
        one_of("statistic", "SampleCount", "Average", "Sum", "Minimum", "Maximum"),
        one_of("evaluateLowSampleCountPercentiles", "evaluate", "ignore"),
        matches("extendedStatistic", r"(p|tm|wm|tc|ts)\d.*|IQM|PR\(.*\)|(TM|WM|TC|TS)\(.*\)", "a percentile or trimmed statistic"),
        conflicts("statistic", "extendedStatistic"),
        conflicts("threshold", "thresholdMetricId"),
        required("comparisonOperator", beside="evaluationCriteria", absent=True),
        required("evaluationPeriods", beside="evaluationCriteria", absent=True),
        within("evaluationPeriods", 1, 86400),
        within("datapointsToAlarm", 1, 86400),
        ordered("datapointsToAlarm", "evaluationPeriods"),
        lambda p: ("period", f"is {p['period']}; allowed are 10, 20, 30 and multiples of 60")
        if isinstance(p.get("period"), int) and p["period"] not in (10, 20, 30) and p["period"] % 60 else None,
        *(lambda p, name=name: (name, "are more than 5") if isinstance(p.get(name), list) and len(p[name]) > 5 else None
          for name in sorted(_ACTIONS)),
        _one_kind,
        nested("metricQueries", _query_kind),
    ],
)  # fmt: skip

_COMPOSITE = ResourceType(
    token="aws:cloudwatch/compositeAlarm:CompositeAlarm",
    service="cloudwatch",
    gone=_GONE,
    names={"arn": "AlarmArn"},
    create=[Call("put_composite_alarm")],
    read=[(Call("describe_alarms", {"AlarmNames": lambda change: [change.new["alarmName"]], "AlarmTypes": ["CompositeAlarm"]}),
           "CompositeAlarms[0]"),
          (Call("list_tags_for_resource", {"ResourceARN": "{arn}"}), "{Tags: Tags}")],
    update=[Call("put_composite_alarm", {"Tags": None}, when=lambda change: change.changed(
        *(name for name in change.new.keys() | change.old.keys() if name not in {"tags", "tagsAll"})))],
    delete=[Call("delete_alarms", {"AlarmNames": lambda change: [change.new["alarmName"]]})],
    tagging=_TAGGING,
    id=("{alarmName}",),
    imports=("{alarmName}",),
    force_new=frozenset({"alarmName", "actionsEnabled"}),
    defaults={"actionsEnabled": True},
    unsupported=frozenset({"actionsSuppressor"}),
    sets=_ACTIONS,
    named=None,
    rules=[matches("alarmName", r".{1,255}", "1 to 255 characters"),
           matches("alarmRule", r".{1,10240}", "1 to 10240 characters"),
           matches("alarmDescription", r".{0,1024}", "at most 1024 characters")],
)  # fmt: skip

_DASHBOARD = ResourceType(
    token="aws:cloudwatch/dashboard:Dashboard",
    service="cloudwatch",
    gone=_GONE,
    create=[Call("put_dashboard")],
    read=[(Call("get_dashboard"), "@")],
    update=[Call("put_dashboard")],
    delete=[Call("delete_dashboards", {"DashboardNames": lambda change: [change.new["dashboardName"]]})],
    id=("{dashboardName}",),
    imports=("{dashboardName}",),
    force_new=frozenset({"dashboardName"}),
    json=frozenset({"dashboardBody"}),
    named=None,
    rules=[matches("dashboardName", r"[\w-]{1,255}", "1 to 255 letters, digits, - or _")],
)

TYPES: Final = (_METRIC_ALARM, _COMPOSITE, _DASHBOARD)
