"""Amazon CloudWatch Logs: log groups, metric filters, saved queries."""

from __future__ import annotations

from typing import Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging, becomes, changes_in
from local_aws.provider.wire import Properties

_GONE: Final = ("ResourceNotFoundException",)


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
)

TYPES: Final = (_LOG_GROUP, _METRIC_FILTER, _QUERY)
