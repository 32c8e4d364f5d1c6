"""Amazon CloudWatch Logs: log groups, metric filters, saved queries."""

from __future__ import annotations

from typing import Final

from local_aws.provider.model import Call, ResourceType, Tagging, matches, one_of
from local_aws.provider.wire import Properties

_GONE: Final = ("ResourceNotFoundException",)
_RETENTION: Final = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def _group_arn(record: Properties) -> str | None:
    return record["arn"].removesuffix(":*") if "arn" in record else None


def _filter_limits(properties: Properties) -> tuple[str, str] | None:
    transformation = properties["metricTransformation"]
    if not isinstance(transformation, dict) or "dimensions" not in transformation:
        return None
    if "defaultValue" in transformation:
        return "metricTransformation.defaultValue", "can't stand beside dimensions"
    too_many = len(transformation["dimensions"]) > 3
    return ("metricTransformation.dimensions", "are more than 3") if too_many else None


_LOG_GROUP = ResourceType(
    token="aws:cloudwatch/logGroup:LogGroup",
    service="logs",
    gone=_GONE,
    names={"name": "logGroupName"},
    create=[
        Call("create_log_group"),
        Call("put_retention_policy", when=lambda change: bool(change.new.get("retentionInDays"))),
    ],
    read=[
        (Call("describe_log_groups", {"logGroupNamePrefix": "{name}"}), "logGroups[?logGroupName=='{name}'] | [0]"),
        (Call("list_tags_for_resource", {"resourceArn": "{arn}"}), "{Tags: tags}"),
    ],
    outputs={"arn": _group_arn, "retentionInDays": "retentionInDays || `0`"},
    update=[
        Call("put_retention_policy",
             when=lambda change: change.changed("retentionInDays") and bool(change.new.get("retentionInDays"))),
        Call("delete_retention_policy",
             when=lambda change: change.changed("retentionInDays") and not change.new.get("retentionInDays")),
        Call("associate_kms_key", when=lambda change: change.changed("kmsKeyId") and "kmsKeyId" in change.new),
        Call("disassociate_kms_key", when=lambda change: change.changed("kmsKeyId") and "kmsKeyId" not in change.new),
    ],
    delete=[Call("delete_log_group", when=lambda change: not change.new.get("skipDestroy"))],
    tagging=Tagging("tag_resource", "untag_resource", "resourceArn"),
    force_new=frozenset({"name", "namePrefix", "logGroupClass"}),
    defaults={"retentionInDays": 0, "skipDestroy": False},
    computed=frozenset({"logGroupClass", "deletionProtectionEnabled"}),
    kept=frozenset({"namePrefix", "skipDestroy"}),
    name_limit=512,
    rules=[
        matches("name", r"[.\-_/#A-Za-z0-9]{1,512}", "1 to 512 letters, digits or .-_/#"),
        one_of("retentionInDays", *_RETENTION),
        one_of("logGroupClass", "STANDARD", "INFREQUENT_ACCESS", "DELIVERY"),
    ],
)  # fmt: skip

_METRIC_FILTER = ResourceType(
    token="aws:cloudwatch/logMetricFilter:LogMetricFilter",
    service="logs",
    gone=_GONE,
    names={"name": "filterName", "pattern": "filterPattern", "metricTransformation": "metricTransformations",
           "metricTransformation.name": "metricName", "metricTransformation.namespace": "metricNamespace",
           "metricTransformation.value": "metricValue"},
    create=[Call("put_metric_filter", {"filterPattern": lambda change: change.new["pattern"].strip()})],
    read=[(Call("describe_metric_filters", {"filterNamePrefix": "{name}", "logGroupName": "{logGroupName}"}, auto=False),
           "metricFilters[?filterName=='{name}'] | [0]")],
    update=[Call("put_metric_filter", {"filterPattern": lambda change: change.new["pattern"].strip()},
                 when=lambda change: change.changed("pattern", "metricTransformation", "applyOnTransformedLogs"))],
    delete=[Call("delete_metric_filter")],
    imports=("{logGroupName}:{name}",),
    force_new=frozenset({"name", "logGroupName"}),
    defaults={"applyOnTransformedLogs": False},
    kept=frozenset({"logGroupName", "applyOnTransformedLogs", "pattern"}),
    name_limit=512,
    rules=[matches("name", r"[^:*]{1,512}", "1 to 512 characters other than : and *"), _filter_limits],
)  # fmt: skip

_QUERY = ResourceType(
    token="aws:cloudwatch/queryDefinition:QueryDefinition",
    service="logs",
    gone=_GONE,
    create=[Call("put_query_definition")],
    read=[(Call("describe_query_definitions"), "queryDefinitions[?queryDefinitionId=='{queryDefinitionId}'] | [0]")],
    outputs={"arn": lambda record: "arn:aws:logs:{}:{}:query-definition:{}".format(
        record["_region"], record["_session"].account, record.get("queryDefinitionId"))},
    update=[Call("put_query_definition", {"queryDefinitionId": "{id}"})],
    delete=[Call("delete_query_definition", {"queryDefinitionId": "{id}"})],
    id=("{queryDefinitionId}",),
    imports=("arn:aws:logs:{region}:{accountId}:query-definition:{queryDefinitionId}",),
    name_limit=255,
    rules=[matches("name", r".{1,255}", "1 to 255 characters")],
)  # fmt: skip

TYPES: Final = (_LOG_GROUP, _METRIC_FILTER, _QUERY)
