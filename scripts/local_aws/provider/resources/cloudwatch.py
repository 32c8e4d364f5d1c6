"""Amazon CloudWatch: alarms, dashboards; log groups, metric filters, saved queries."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging, becomes, changes_in
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


_cloudwatch_type = partial(ResourceType, service="cloudwatch", gone=_GONE)

_METRIC_ALARM = _cloudwatch_type(
    token="aws:cloudwatch/metricAlarm:MetricAlarm",
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

_COMPOSITE = _cloudwatch_type(
    token="aws:cloudwatch/compositeAlarm:CompositeAlarm",
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
    force_new={"alarmName", "actionsEnabled"},
    defaults={"actionsEnabled": True},
    unsupported={"actionsSuppressor"},
    sets=_ACTIONS,
)

_DASHBOARD = _cloudwatch_type(
    token="aws:cloudwatch/dashboard:Dashboard",
    create=[Call("put_dashboard")],
    update=[Call("put_dashboard")],
    delete=[Call("delete_dashboards", {"DashboardNames": _named("dashboardName")})],
    id=("{dashboardName}",),
    force_new={"dashboardName"},
    json={"dashboardBody"},
)

# --- logs ------------------------------------------------------------------------------------------------------------

_NO_GROUP: Final = ("ResourceNotFoundException",)


def _expires(change: Change) -> bool:
    return change.changed("retentionInDays") and bool(change.new.get("retentionInDays"))


def _query_arn(record: Properties) -> str:
    account, region = record["_session"].account, record["_region"]
    return f"arn:aws:logs:{region}:{account}:query-definition:{record.get('queryDefinitionId')}"


_logs_type = partial(ResourceType, service="logs", gone=_NO_GROUP)

_LOG_GROUP = _logs_type(
    token="aws:cloudwatch/logGroup:LogGroup",
    names={"name": "logGroupName"},
    create=[Call("create_log_group"), Call("put_retention_policy", when=_expires)],
    read=[(Call("describe_log_groups", {"logGroupNamePrefix": "{name}"}), "logGroups[?logGroupName=='{name}'] | [0]")],
    outputs={
        "arn": lambda record: record.get("arn", "").removesuffix(":*"),
        "retentionInDays": "retentionInDays || `0`",
    },
    update=[
        Call("put_retention_policy", when=_expires),
        Call("delete_retention_policy", when=lambda change: change.changed("retentionInDays") and not _expires(change)),
        Call("associate_kms_key", when=becomes("kmsKeyId", given=True)),
        Call("disassociate_kms_key", when=becomes("kmsKeyId", given=False)),
    ],
    delete=[Call("delete_log_group", when=lambda change: not change.new.get("skipDestroy"))],
    tagging=Tagging("list_tags_for_resource", "tag_resource", "untag_resource", "resourceArn"),
    force_new={"name", "namePrefix", "logGroupClass"},
    defaults={"retentionInDays": 0, "skipDestroy": False},
    computed={"logGroupClass", "deletionProtectionEnabled"},
    kept={"namePrefix", "skipDestroy"},
    name_limit=512,
)

_PUT_FILTER = Call(
    "put_metric_filter",
    {"filterPattern": lambda change: change.new["pattern"].strip()},
    changes_in("pattern", "metricTransformation", "applyOnTransformedLogs"),
)

_METRIC_FILTER = _logs_type(
    token="aws:cloudwatch/logMetricFilter:LogMetricFilter",
    names={
        "name": "filterName", "pattern": "filterPattern", "metricTransformation": "metricTransformations",
        "metricTransformation.name": "metricName", "metricTransformation.namespace": "metricNamespace",
        "metricTransformation.value": "metricValue",
    },
    create=[_PUT_FILTER],
    read=[(Call("describe_metric_filters", {"filterNamePrefix": "{name}", "filterName": None, "filterPattern": None}),
           "metricFilters[?filterName=='{name}'] | [0]")],
    update=[_PUT_FILTER],
    imports=("{logGroupName}:{name}",),
    force_new={"name", "logGroupName"},
    defaults={"applyOnTransformedLogs": False},
    kept={"logGroupName", "applyOnTransformedLogs", "pattern"},
    name_limit=512,
)  # fmt: skip

_SAVED_QUERY = _logs_type(
    token="aws:cloudwatch/queryDefinition:QueryDefinition",
    create=[Call("put_query_definition")],
    read=[(Call("describe_query_definitions"), "queryDefinitions[?queryDefinitionId=='{queryDefinitionId}'] | [0]")],
    outputs={"arn": _query_arn},
    update=[Call("put_query_definition", {"queryDefinitionId": "{id}"})],
    delete=[Call("delete_query_definition", {"queryDefinitionId": "{id}"})],
    id=("{queryDefinitionId}",),
    imports=("arn:aws:logs:{region}:{accountId}:query-definition:{queryDefinitionId}",),
)

TYPES: Final = (_METRIC_ALARM, _COMPOSITE, _DASHBOARD, _LOG_GROUP, _METRIC_FILTER, _SAVED_QUERY)
