"""Amazon DynamoDB: tables with their keys, global indexes, stream, expiry and backups."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final

from local_aws.provider.model import Call, Change, Failure, Parameters, ResourceType, Tagging, words
from local_aws.provider.wire import Properties

_GONE: Final = ("ResourceNotFoundException", "TableNotFoundException")
_INDEXES: Final = "globalSecondaryIndexes"


def _key_schema(keys: Properties) -> list[dict[str, str]]:
    if "keySchemas" in keys:
        return [{"AttributeName": key["attributeName"], "KeyType": key["keyType"]} for key in keys["keySchemas"]]
    pairs = ((keys.get("hashKey"), "HASH"), (keys.get("rangeKey"), "RANGE"))
    return [{"AttributeName": name, "KeyType": kind} for name, kind in pairs if name]


def _attributes(change: Change) -> list[dict[str, str]]:
    return [{"AttributeName": item["name"], "AttributeType": item["type"]} for item in change.new.get("attributes", [])]


def _throughput(change: Change, of: Properties | None = None) -> dict[str, int] | None:
    """Units per second of the table or an index; paid per request, there are none."""
    if change.new.get("billingMode") == "PAY_PER_REQUEST":
        return None
    of = change.new if of is None else of
    return {"ReadCapacityUnits": of.get("readCapacity") or 1, "WriteCapacityUnits": of.get("writeCapacity") or 1}


def _index(change: Change, index: Properties) -> dict[str, Any]:
    projection = {"ProjectionType": index["projectionType"], "NonKeyAttributes": index.get("nonKeyAttributes")}
    throughput = _throughput(change, index)
    return {
        "IndexName": index["name"], "KeySchema": _key_schema(index),
        "Projection": {name: value for name, value in projection.items() if value},
    } | ({"ProvisionedThroughput": throughput} if throughput else {})  # fmt: skip


def _indexes(change: Change) -> list[dict[str, Any]] | None:
    return [_index(change, index) for index in change.new.get(_INDEXES, [])] or None


def _stream(change: Change) -> dict[str, Any] | None:
    enabled = bool(change.new.get("streamEnabled"))
    return {"StreamEnabled": True, "StreamViewType": change.new.get("streamViewType")} if enabled else None


def _encryption(change: Change) -> dict[str, Any] | None:
    wanted = change.new.get("serverSideEncryption")
    if not wanted:
        return None
    key = {"SSEType": "KMS", "KMSMasterKeyId": wanted["kmsKeyArn"]} if wanted.get("kmsKeyArn") else {}
    return {"Enabled": wanted["enabled"]} | (key if wanted["enabled"] else {})


def _expiry(change: Change) -> Sequence[Parameters]:
    """Return the updates of TTL: disable it for the old attribute before enabling it for another."""
    new, old = change.new.get("ttl") or {}, change.old.get("ttl") or {}
    moved = new.get("attributeName") != old.get("attributeName") or not new.get("enabled")
    steps: list[dict[str, Any]] = []
    if old.get("enabled") and moved:
        steps.append({"Enabled": False, "AttributeName": old["attributeName"]})
    if new.get("enabled") and (moved or not old.get("enabled")):
        steps.append({"Enabled": True, "AttributeName": new.get("attributeName")})
    return [{"TimeToLiveSpecification": step} for step in steps]


def _backups(change: Change) -> Sequence[Parameters]:
    """Return the update of point-in-time recovery, which a new table does not have."""

    def setting(properties: Properties) -> dict[str, Any]:
        wanted = properties.get("pointInTimeRecovery") or {}
        days = {"RecoveryPeriodInDays": wanted["recoveryPeriodInDays"]} if wanted.get("recoveryPeriodInDays") else {}
        return {"PointInTimeRecoveryEnabled": bool(wanted.get("enabled"))} | (days if wanted.get("enabled") else {})

    new, old = setting(change.new), setting(change.old)
    return [] if new.items() <= old.items() else [{"PointInTimeRecoverySpecification": new}]


def _table_updates(change: Change) -> Sequence[Parameters]:
    """AWS changes one thing of a table at a time."""
    steps: list[dict[str, Any]] = []
    if change.changed("billingMode", "readCapacity", "writeCapacity"):
        throughput = _throughput(change)
        capacity = {"ProvisionedThroughput": throughput} if throughput else {}
        steps.append({"BillingMode": change.new["billingMode"]} | capacity)
    if change.changed("streamEnabled", "streamViewType"):
        steps += [{"StreamSpecification": {"StreamEnabled": False}}] if change.old.get("streamEnabled") else []
        steps += [{"StreamSpecification": stream}] if (stream := _stream(change)) else []
    if change.changed("serverSideEncryption") and (encryption := _encryption(change)):
        steps.append({"SSESpecification": encryption})
    if bool(change.new.get("deletionProtectionEnabled")) != bool(change.old.get("deletionProtectionEnabled")):
        steps.append({"DeletionProtectionEnabled": bool(change.new.get("deletionProtectionEnabled"))})
    return steps + _index_updates(change)


def _index_updates(change: Change) -> list[dict[str, Any]]:
    """Return the updates of indexes: deletions, changed capacities, creations. Other changes delete and create."""
    old = {index["name"]: _index(replace(change, new=change.old), index) for index in change.old.get(_INDEXES, [])}
    new = {index["name"]: _index(change, index) for index in change.new.get(_INDEXES, [])}
    built = ("KeySchema", "Projection")
    stays = {name for name in new.keys() & old.keys() if all(new[name][part] == old[name][part] for part in built)}
    capacity = "ProvisionedThroughput"
    resized = [name for name in stays if capacity in new[name] and new[name][capacity] != old[name].get(capacity)]
    steps: list[dict[str, Any]] = [{"Delete": {"IndexName": name}} for name in sorted(old.keys() - stays)]
    steps += [{"Update": {"IndexName": name, capacity: new[name][capacity]}} for name in sorted(resized)]
    steps += [{"Create": new[name]} for name in sorted(new.keys() - stays)]
    return [{"GlobalSecondaryIndexUpdates": [step], "AttributeDefinitions": _attributes(change)} for step in steps]


def _index_of(record: Properties) -> Properties:
    keys = {key["KeyType"]: key["AttributeName"] for key in record["KeySchema"]}
    units, projection = record.get("ProvisionedThroughput") or {}, record["Projection"]
    found = {
        "name": record["IndexName"], "hashKey": keys.get("HASH"), "rangeKey": keys.get("RANGE"),
        "projectionType": projection["ProjectionType"], "nonKeyAttributes": projection.get("NonKeyAttributes"),
        "readCapacity": units.get("ReadCapacityUnits"), "writeCapacity": units.get("WriteCapacityUnits"),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _recompute(changed: AbstractSet[str], _new: Properties) -> set[str]:
    stream = {"streamArn", "streamLabel"} if changed & {"streamEnabled", "streamViewType"} else set[str]()
    return stream | ({"readCapacity", "writeCapacity"} if "billingMode" in changed else set())


def _capacity(old: Properties, new: Properties) -> Failure | None:
    """Units where they are provisioned, as the official provider asks for them.

    A table that was on demand may have none: it starts at 1, as units that are not given are taken to be left to
    autoscaling (`validateProvisionedThroughputField` and `expandProvisionedThroughputField` of its table resource).
    What an existing table has is computed: it need not be given.
    """
    if new.get("billingMode") != "PROVISIONED" or old.get("billingMode") == "PAY_PER_REQUEST":
        return None
    for name in ("readCapacity", "writeCapacity"):
        value = new.get(name)
        if (value is None and not old) or (isinstance(value, int) and value < 1):
            return name, f"{'missing' if value is None else f'is {value}'}; billing mode PROVISIONED needs at least 1"
    return None


_SETTINGS: Final = [
    Call("update_time_to_live", {"TableName": "{name}"}, lambda change: bool(_expiry(change)), _expiry, settle=True),
    Call(
        "update_continuous_backups",
        {"TableName": "{name}"},
        lambda change: bool(_backups(change)),
        _backups,
        settle=True,
    ),
]

_TABLE = ResourceType(
    token="aws:dynamodb/table:Table",
    service="dynamodb",
    gone=_GONE,
    names={"name": "TableName", "arn": "TableArn", "streamArn": "LatestStreamArn", "streamLabel": "LatestStreamLabel"},
    create=[
        Call("create_table", {
            "KeySchema": lambda change: _key_schema(change.new), "AttributeDefinitions": _attributes,
            "ProvisionedThroughput": _throughput, "GlobalSecondaryIndexes": _indexes, "StreamSpecification": _stream,
            "SSESpecification": _encryption,
        }),
        *_SETTINGS,
    ],
    read=[
        (Call("describe_table"), "Table"),
        (Call("describe_time_to_live"), "TimeToLiveDescription.{Ttl: @}"),
        (Call("describe_continuous_backups"), "ContinuousBackupsDescription.PointInTimeRecoveryDescription.{Pitr: @}"),
    ],
    outputs={
        "attributes": "AttributeDefinitions[].{name: AttributeName, type: AttributeType}",
        "hashKey": "KeySchema[?KeyType=='HASH'].AttributeName | [0]",
        "rangeKey": "KeySchema[?KeyType=='RANGE'].AttributeName | [0]",
        "billingMode": "BillingModeSummary.BillingMode || 'PROVISIONED'",
        "readCapacity": "ProvisionedThroughput.ReadCapacityUnits",
        "writeCapacity": "ProvisionedThroughput.WriteCapacityUnits",
        "streamEnabled": "StreamSpecification.StreamEnabled || `false`",
        "streamViewType": "StreamSpecification.StreamViewType",
        "ttl": "Ttl.{enabled: contains(['ENABLED', 'ENABLING'], TimeToLiveStatus), attributeName: AttributeName}",
        "pointInTimeRecovery":
            "Pitr.{enabled: PointInTimeRecoveryStatus == 'ENABLED', recoveryPeriodInDays: RecoveryPeriodInDays}",
        "serverSideEncryption":
            "{enabled: contains(['ENABLED', 'ENABLING', 'UPDATING'], SSEDescription.Status || ''), "
            "kmsKeyArn: SSEDescription.KMSMasterKeyArn}",
        _INDEXES: lambda record: [_index_of(index) for index in record.get("GlobalSecondaryIndexes") or []],
    },
    update=[
        Call("update_table", {"TableName": "{name}"}, lambda change: bool(_table_updates(change)), _table_updates,
             settle=True, auto=False),
        *_SETTINGS,
    ],
    tagging=Tagging("list_tags_of_resource", "tag_resource", "untag_resource", "ResourceArn"),
    force_new={"name", "hashKey", "rangeKey"},
    defaults={"billingMode": "PROVISIONED"},
    computed={"readCapacity", "writeCapacity", "streamViewType", "pointInTimeRecovery", "serverSideEncryption"},
    unsupported=words(
        "globalTableWitness importTable localSecondaryIndexes onDemandThroughput replicas restoreBackupArn "
        "restoreDateTime restoreSourceName restoreSourceTableArn restoreToLatestTime tableClass warmThroughput"
    ),
    sets={"attributes", _INDEXES, f"{_INDEXES}.nonKeyAttributes"},
    recompute=_recompute,
    ready="TableStatus == 'ACTIVE' && !(GlobalSecondaryIndexes[?IndexStatus != 'ACTIVE'] | [0])",
    vanish=True,
    retry=("resource which is still in use", "LimitExceededException"),
    transitions=[_capacity],
)  # fmt: skip

TYPES: Final = (_TABLE,)
