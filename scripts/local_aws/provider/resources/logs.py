"""Amazon CloudWatch Logs: log groups, metric filters, saved queries."""

from __future__ import annotations

from typing import Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging, becomes, changes_in
from local_aws.provider.rules import at_most, conflicts, matches, nested, one_of
from local_aws.provider.wire import Properties

_GONE: Final = ("ResourceNotFoundException",)
# PutRetentionPolicy in the CloudWatch Logs API reference; 0 stands for "never expire".
_RETENTION: Final = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
                     3288, 3653)  # fmt: skip


def _expires(change: Change) -> bool:
    return change.changed("retentionInDays") and bool(change.new.get("retentionInDays"))


def _query_arn(record: Properties) -> str:
    account, region = record["_session"].account, record["_region"]
    return f"arn:aws:logs:{region}:{account}:query-definition:{record.get('queryDefinitionId')}"


_LOG_GROUP = ResourceType(
    token="aws:cloudwatch/logGroup:LogGroup",
    service="logs",
    gone=_GONE,
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
    rules=[
        matches("name", r"[.\-_/#A-Za-z0-9]{1,512}", "1 to 512 alphanumerics or .-_/#"),
        one_of("retentionInDays", *_RETENTION),
        one_of("logGroupClass", "STANDARD", "INFREQUENT_ACCESS", "DELIVERY"),
    ],
)

_PUT_FILTER = Call(
    "put_metric_filter",
    {"filterPattern": lambda change: change.new["pattern"].strip()},
    changes_in("pattern", "metricTransformation", "applyOnTransformedLogs"),
)

_METRIC_FILTER = ResourceType(
    token="aws:cloudwatch/logMetricFilter:LogMetricFilter",
    service="logs",
    gone=_GONE,
    names={
        "name": "filterName", "pattern": "filterPattern", "metricTransformation": "metricTransformations",
        "metricTransformation.name": "metricName", "metricTransformation.namespace": "metricNamespace",
        "metricTransformation.value": "metricValue",
    },
    create=[_PUT_FILTER],
    read=[(Call("describe_metric_filters", {"filterNamePrefix": "{name}", "filterName": None, "filterPattern": None}),
           "metricFilters[?filterName=='{name}'] | [0]")],
    update=[_PUT_FILTER],
    delete=[Call("delete_metric_filter")],
    imports=("{logGroupName}:{name}",),
    force_new={"name", "logGroupName"},
    defaults={"applyOnTransformedLogs": False},
    kept={"logGroupName", "applyOnTransformedLogs", "pattern"},
    name_limit=512,
    rules=[
        matches("name", r"[^:*]{1,512}", "1 to 512 characters other than : and *"),
        nested("metricTransformation", conflicts("defaultValue", "dimensions"), at_most("dimensions", 3)),
    ],
)  # fmt: skip

_QUERY = ResourceType(
    token="aws:cloudwatch/queryDefinition:QueryDefinition",
    service="logs",
    gone=_GONE,
    create=[Call("put_query_definition")],
    read=[(Call("describe_query_definitions"), "queryDefinitions[?queryDefinitionId=='{queryDefinitionId}'] | [0]")],
    outputs={"arn": _query_arn},
    update=[Call("put_query_definition", {"queryDefinitionId": "{id}"})],
    delete=[Call("delete_query_definition", {"queryDefinitionId": "{id}"})],
    id=("{queryDefinitionId}",),
    imports=("arn:aws:logs:{region}:{accountId}:query-definition:{queryDefinitionId}",),
    rules=[
        matches("name", r".{1,255}", "1 to 255 characters"),
        matches("queryString", r".{1,10000}", "1 to 10000 characters"),
    ],
)

TYPES: Final = (_LOG_GROUP, _METRIC_FILTER, _QUERY)
