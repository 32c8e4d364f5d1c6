"""Amazon DynamoDB: tables with their keys, indexes, stream, expiry and backups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from local_aws.provider.model import Call, Change, Parameters, ResourceType, Tagging, matches, nested, one_of, within
from local_aws.provider.wire import Properties

_GONE: Final = ("ResourceNotFoundException", "TableNotFoundException")
_CAPACITY: Final = ("readCapacity", "writeCapacity", "billingMode")
_INDEXES: Final = "globalSecondaryIndexes"


def _key_schema(keys: Properties) -> list[dict[str, str]]:
    if "keySchemas" in keys:
        return [{"AttributeName": key["attributeName"], "KeyType": key["keyType"]} for key in keys["keySchemas"]]
    pairs = ((keys.get("hashKey"), "HASH"), (keys.get("rangeKey"), "RANGE"))
    return [{"AttributeName": name, "KeyType": kind} for name, kind in pairs if name]


def _attributes(change: Change) -> list[dict[str, str]]:
    return [{"AttributeName": item["name"], "AttributeType": item["type"]} for item in change.new.get("attributes", [])]


def _throughput(properties: Properties, mode: Any) -> dict[str, int] | None:
    """Units per second, which a table that is paid per request has none of."""
    if mode == "PAY_PER_REQUEST":
        return None
    return {"ReadCapacityUnits": properties.get("readCapacity") or 1, "WriteCapacityUnits": properties.get("writeCapacity") or 1}


def _projection(index: Properties) -> dict[str, Any]:
    fields = {"NonKeyAttributes": index["nonKeyAttributes"]} if index.get("nonKeyAttributes") else {}
    return {"ProjectionType": index["projectionType"]} | fields


def _global_index(index: Properties, mode: Any) -> dict[str, Any]:
    request = {"IndexName": index["name"], "KeySchema": _key_schema(index), "Projection": _projection(index)}
    throughput = _throughput(index, mode)
    return request | ({"ProvisionedThroughput": throughput} if throughput else {})


def _global_indexes(change: Change) -> list[dict[str, Any]] | None:
    return [_global_index(index, change.new.get("billingMode")) for index in change.new.get(_INDEXES, [])] or None


def _local_indexes(change: Change) -> list[dict[str, Any]] | None:
    hash_key = change.new.get("hashKey")
    return [
        {"IndexName": index["name"], "KeySchema": _key_schema(index | {"hashKey": hash_key}), "Projection": _projection(index)}
        for index in change.new.get("localSecondaryIndexes", [])
    ] or None


def _stream(change: Change) -> dict[str, Any] | None:
    if not change.new.get("streamEnabled"):
        return None if change.creating else {"StreamEnabled": False}
    return {"StreamEnabled": True, "StreamViewType": change.new["streamViewType"]}


def _encryption(change: Change) -> dict[str, Any] | None:
    wanted = change.new.get("serverSideEncryption")
    if not wanted:
        return None if change.creating else {"Enabled": False}
    key = wanted.get("kmsKeyArn")
    return {"Enabled": wanted["enabled"]} | ({"SSEType": "KMS", "KMSMasterKeyId": key} if key and wanted["enabled"] else {})


def _expiry(change: Change) -> Sequence[Parameters]:
    """Switch the expiry off for the old attribute before it goes on for another."""
    new, old = change.new.get("ttl") or {}, change.old.get("ttl") or {}
    steps = []
    moved = new.get("attributeName") != old.get("attributeName") or not new.get("enabled")
    if old.get("enabled") and moved:
        steps.append({"Enabled": False, "AttributeName": old["attributeName"]})
    if new.get("enabled") and (moved or not old.get("enabled")):
        steps.append({"Enabled": True, "AttributeName": new["attributeName"]})
    return [{"TimeToLiveSpecification": step} for step in steps]


def _backups(change: Change) -> dict[str, Any]:
    wanted = change.new.get("pointInTimeRecovery") or {}
    days = wanted.get("recoveryPeriodInDays")
    enabled = bool(wanted.get("enabled"))
    return {"PointInTimeRecoveryEnabled": enabled} | ({"RecoveryPeriodInDays": days} if days and enabled else {})


def _keys_of(index: Properties) -> dict[str, Any]:
    return {"keys": _key_schema(index), "projection": index["projectionType"], "fields": index.get("nonKeyAttributes")}


def _index_updates(change: Change) -> Sequence[Parameters]:
    """AWS changes one index at a time: first what goes, then what has other capacity, then what comes."""
    new = {index["name"]: index for index in change.new.get(_INDEXES, [])}
    old = {index["name"]: index for index in change.old.get(_INDEXES, [])}
    rebuilt = {name for name in new.keys() & old.keys() if _keys_of(new[name]) != _keys_of(old[name])}
    mode = change.new.get("billingMode")
    steps: list[dict[str, Any]] = [{"Delete": {"IndexName": name}} for name in sorted((old.keys() - new.keys()) | rebuilt)]
    for name in sorted(new.keys() & old.keys() - rebuilt):
        throughput = _throughput(new[name], mode)
        if throughput and throughput != _throughput(old[name], mode):
            steps.append({"Update": {"IndexName": name, "ProvisionedThroughput": throughput}})
    steps += [{"Create": _global_index(new[name], mode)} for name in sorted((new.keys() - old.keys()) | rebuilt)]
    return [{"GlobalSecondaryIndexUpdates": [step], "AttributeDefinitions": _attributes(change)} for step in steps]


def _index_of(record: Properties) -> Properties:
    keys = {key["KeyType"]: key["AttributeName"] for key in record["KeySchema"]}
    units = record.get("ProvisionedThroughput") or {}
    found = {
        "name": record["IndexName"], "hashKey": keys.get("HASH"), "rangeKey": keys.get("RANGE"),
        "projectionType": record["Projection"]["ProjectionType"],
        "nonKeyAttributes": record["Projection"].get("NonKeyAttributes"),
        "readCapacity": units.get("ReadCapacityUnits"), "writeCapacity": units.get("WriteCapacityUnits"),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _local_index_of(record: Properties) -> Properties:
    return {name: value for name, value in _index_of(record).items() if name not in {"hashKey", "readCapacity", "writeCapacity"}}


def _recompute(changed: set[str], _new: Properties) -> set[str]:
    stream = {"streamArn", "streamLabel"} if changed & {"streamEnabled", "streamViewType"} else set()
    return stream | ({"readCapacity", "writeCapacity"} if "billingMode" in changed else set())


def _keys(properties: Properties) -> tuple[str, str] | None:
    """The attributes declared are exactly those that keys use."""
    if "hashKey" not in properties:
        return "hashKey", "missing; a table needs a hash key"
    items = properties.get("attributes", [])
    indexes = [*properties.get(_INDEXES, []), *properties.get("localSecondaryIndexes", [])]
    used = {key["AttributeName"] for holder in (properties, *indexes) for key in _key_schema(holder)}
    declared = {item["name"] for item in items}
    if not all(isinstance(name, str) for name in used | declared) or used == declared:
        return None
    missing, extra = sorted(used - declared), sorted(declared - used)
    if missing:
        return "attributes", f"lack {', '.join(missing)}, which a key uses"
    return "attributes", f"have {', '.join(extra)}, which no key uses; declare key attributes only"


def _capacity(properties: Properties) -> tuple[str, str] | None:
    if properties.get("billingMode") != "PROVISIONED":
        return None
    for name in ("readCapacity", "writeCapacity"):
        value = properties.get(name)
        if value is None or (isinstance(value, int) and value < 1):
            return name, f"{'missing' if value is None else f'is {value}'}; billing mode PROVISIONED needs at least 1"
    return None


def _stream_kind(properties: Properties) -> tuple[str, str] | None:
    if properties.get("streamEnabled") is True and "streamViewType" not in properties:
        return "streamViewType", "missing; it is required where streamEnabled is true"
    return None


def _expiry_attribute(ttl: Properties) -> tuple[str, str] | None:
    return ("attributeName", "missing; it is required where enabled is true") if ttl.get("enabled") and not ttl.get("attributeName") else None


_TABLE = ResourceType(
    token="aws:dynamodb/table:Table",
    service="dynamodb",
    gone=_GONE,
    names={"name": "TableName", "arn": "TableArn", "streamArn": "LatestStreamArn", "streamLabel": "LatestStreamLabel"},
    create=[
        Call("create_table", {
            "KeySchema": lambda change: _key_schema(change.new), "AttributeDefinitions": _attributes,
            "ProvisionedThroughput": lambda change: _throughput(change.new, change.new.get("billingMode")),
            "GlobalSecondaryIndexes": _global_indexes, "LocalSecondaryIndexes": _local_indexes,
            "StreamSpecification": _stream, "SSESpecification": _encryption,
        }),
        Call("update_time_to_live", each=_expiry, settle=True, when=lambda change: bool(_expiry(change))),
        Call("update_continuous_backups", {"PointInTimeRecoverySpecification": _backups}, settle=True,
             when=lambda change: _backups(change)["PointInTimeRecoveryEnabled"]),
    ],
    read=[
        (Call("describe_table"), "Table"),
        (Call("describe_time_to_live"), "TimeToLiveDescription.{Ttl: @}"),
        (Call("describe_continuous_backups"), "ContinuousBackupsDescription.PointInTimeRecoveryDescription.{Pitr: @}"),
        (Call("list_tags_of_resource", {"ResourceArn": "{arn}"}), "{Tags: Tags}"),
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
        "tableClass": "TableClassSummary.TableClass",
        "ttl": "Ttl.{enabled: contains(['ENABLED', 'ENABLING'], TimeToLiveStatus), attributeName: AttributeName}",
        "pointInTimeRecovery": "Pitr.{enabled: PointInTimeRecoveryStatus == 'ENABLED', recoveryPeriodInDays: RecoveryPeriodInDays}",
        "serverSideEncryption": lambda record: {
            "enabled": record.get("SSEDescription", {}).get("Status") in ("ENABLED", "ENABLING", "UPDATING"),
            "kmsKeyArn": record.get("SSEDescription", {}).get("KMSMasterKeyArn")},
        _INDEXES: lambda record: [_index_of(index) for index in record.get("GlobalSecondaryIndexes") or []],
        "localSecondaryIndexes": lambda record: [_local_index_of(index) for index in record.get("LocalSecondaryIndexes") or []],
    },
    update=[
        Call("update_table", {
            "ProvisionedThroughput": lambda change: _throughput(change.new, change.new.get("billingMode"))},
            auto=False, each=lambda change: [{"TableName": change.id, "BillingMode": change.new.get("billingMode")}],
            when=lambda change: change.changed(*_CAPACITY)),
        Call("update_table", auto=False, settle=True, each=lambda change: [
            {"TableName": change.id, "StreamSpecification": _stream(change)}],
            when=lambda change: change.changed("streamEnabled", "streamViewType")),
        Call("update_table", auto=False, settle=True, each=lambda change: [
            {"TableName": change.id, "SSESpecification": _encryption(change)}],
            when=lambda change: change.changed("serverSideEncryption")),
        Call("update_table", auto=False, settle=True, each=lambda change: [
            {"TableName": change.id, "TableClass": change.new["tableClass"]}],
            when=lambda change: change.changed("tableClass")),
        Call("update_table", {"TableName": "{id}"}, auto=False, settle=True, each=_index_updates,
             when=lambda change: bool(_index_updates(change))),
        Call("update_time_to_live", {"TableName": "{id}"}, settle=True, each=_expiry, when=lambda change: bool(_expiry(change))),
        Call("update_continuous_backups", {"PointInTimeRecoverySpecification": _backups}, settle=True,
             when=lambda change: change.changed("pointInTimeRecovery") and _backups(change) != _backups(
                 Change(session=change.session, id=change.id, new=change.old))),
        Call("update_table", auto=False, settle=True, each=lambda change: [
            {"TableName": change.id, "DeletionProtectionEnabled": bool(change.new.get("deletionProtectionEnabled"))}],
            when=lambda change: bool(change.new.get("deletionProtectionEnabled")) != bool(change.old.get("deletionProtectionEnabled"))),
    ],
    delete=[Call("delete_table")],
    tagging=Tagging("tag_resource", "untag_resource", "ResourceArn"),
    force_new=frozenset({"name", "hashKey", "rangeKey", "localSecondaryIndexes"}),
    defaults={"billingMode": "PROVISIONED"},
    computed=frozenset({"readCapacity", "writeCapacity", "streamViewType", "pointInTimeRecovery", "serverSideEncryption",
                        "tableClass", "onDemandThroughput", "warmThroughput"}),
    unsupported=frozenset({"globalTableWitness", "importTable", "replicas", "restoreBackupArn", "restoreDateTime",
                           "restoreSourceName", "restoreSourceTableArn", "restoreToLatestTime", "onDemandThroughput",
                           "warmThroughput"}),
    sets=frozenset({"attributes", _INDEXES, "localSecondaryIndexes", f"{_INDEXES}.nonKeyAttributes"}),
    recompute=_recompute,
    name_limit=255,
    ready="TableStatus == 'ACTIVE' && !(GlobalSecondaryIndexes[?IndexStatus != 'ACTIVE'] | [0])",
    vanish=True,
    retry=("ResourceInUseException", "LimitExceededException"),
    rules=[
        matches("name", r"[\w.-]{3,255}", "3 to 255 letters, digits or _.-"),
        one_of("billingMode", "PROVISIONED", "PAY_PER_REQUEST"),
        one_of("streamViewType", "KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"),
        one_of("tableClass", "STANDARD", "STANDARD_INFREQUENT_ACCESS"),
        _capacity, _stream_kind, _keys,
        nested("ttl", _expiry_attribute),
        nested("attributes", one_of("type", "S", "N", "B")),
        nested("pointInTimeRecovery", within("recoveryPeriodInDays", 1, 35, "days")),
        nested(_INDEXES, one_of("projectionType", "ALL", "KEYS_ONLY", "INCLUDE")),
    ],
)  # fmt: skip

TYPES: Final = (_TABLE,)
