"""AWS Lambda: functions, aliases, provisioned concurrency, async invocation, event sources, permissions."""

from __future__ import annotations

import json
from typing import Any, Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging, conflicts, matches, nested, one_of, within
from local_aws.provider.types.limits import ordered, required
from local_aws.provider.wire import Archive, Properties

_GONE: Final = ("ResourceNotFoundException",)
# A role or policy made a moment ago is not visible everywhere yet; a function is busy while it changes.
_RETRY: Final = ("cannot be assumed by Lambda", "does not have permissions", "ResourceConflictException: The operation cannot",
                 "ResourceConflictException: An update is in progress", "execution role", "TooManyRequestsException")  # fmt: skip
_CODE: Final = frozenset({"code", "s3Bucket", "s3Key", "s3ObjectVersion", "imageUri", "sourceCodeHash", "architectures"})
_CONFIGURATION: Final = frozenset({
    "role", "handler", "runtime", "timeout", "memorySize", "environment", "deadLetterConfig", "description", "layers",
    "kmsKeyArn", "loggingConfig", "tracingConfig", "ephemeralStorage", "fileSystemConfig", "snapStart", "vpcConfig",
})  # fmt: skip
_FUNCTION_TAGS: Final = (Call("list_tags", {"Resource": "{arn}"}), "{Tags: Tags}")


def _code(change: Change) -> dict[str, Any]:
    archive = change.new.get("code")
    if isinstance(archive, Archive):
        return {"ZipFile": archive.content()}
    places = {"s3Bucket": "S3Bucket", "s3Key": "S3Key", "s3ObjectVersion": "S3ObjectVersion", "imageUri": "ImageUri"}
    return {aws: change.new[name] for name, aws in places.items() if name in change.new}


_COMPUTED: Final = frozenset({"architectures", "ephemeralStorage", "loggingConfig", "tracingConfig", "codeSha256", "publishTo"})


def _publishes(change: Change) -> bool:
    becomes = change.changed("publish") and change.new.get("publish")
    return bool(change.new.get("publish")) and bool(becomes or change.changed(*_CODE, *_CONFIGURATION))


def _recompute(changed: set[str], new: Properties) -> set[str]:
    """What a new version will be called is known only once it is published."""
    touched = bool(changed & (_CODE | _CONFIGURATION))
    outputs = {"lastModified"} if touched else set()
    if changed & _CODE:
        outputs |= {"sourceCodeSize", "codeSha256"}
    if new.get("publish") and (touched or "publish" in changed):
        outputs |= {"version", "qualifiedArn", "qualifiedInvokeArn"}
    return outputs


def _invocation(arn: str | None, record: Properties, api: str = "2015-03-31", call: str = "invocations") -> str | None:
    return f"arn:aws:apigateway:{record['_region']}:lambda:path/{api}/functions/{arn}/{call}" if arn else None


def _version(record: Properties) -> str:
    """The newest published version, `$LATEST` when there is none."""
    numbers = [int(version["Version"]) for version in record.get("Versions", []) if version["Version"].isdigit()]
    return str(max(numbers)) if numbers else "$LATEST"


def _source_given(properties: Properties) -> tuple[str, str] | None:
    image = properties.get("packageType") == "Image"
    if image or properties.keys() & {"code", "s3Bucket"}:
        return None if not image or "imageUri" in properties else ("imageUri", "missing; packageType Image needs it")
    return "code", "missing; give code, or s3Bucket and s3Key"


def _zip_needs(properties: Properties) -> tuple[str, str] | None:
    if properties.get("packageType") != "Zip":
        return None
    missing = next((name for name in ("handler", "runtime") if name not in properties), None)
    return (missing, "missing; packageType Zip needs it") if missing else None


def _environment_size(properties: Properties) -> tuple[str, str] | None:
    variables = (properties.get("environment") or {}).get("variables") or {}
    if not isinstance(variables, dict):
        return None
    size = sum(len(key) + len(value) for key, value in variables.items() if isinstance(value, str))
    reserved = next((key for key in variables if key in _RESERVED or key.startswith("AWS_LAMBDA_FUNCTION_")), None)
    if reserved:
        return f"environment.variables.{reserved}", "is set by Lambda itself and can't be given"
    return ("environment.variables", f"are {size} bytes; AWS allows 4096") if size > 4096 else None


_RESERVED: Final = frozenset({"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                              "AWS_SESSION_TOKEN", "AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT",
                              "LAMBDA_RUNTIME_DIR", "_HANDLER", "_X_AMZN_TRACE_ID"})  # fmt: skip


_FUNCTION = ResourceType(
    token="aws:lambda/function:Function",
    service="lambda",
    gone=_GONE,
    names={"name": "FunctionName", "arn": "FunctionArn", "sourceCodeSize": "CodeSize", "fileSystemConfig": "FileSystemConfigs",
           "kmsKeyArn": "KMSKeyArn"},
    create=[
        Call("create_function", {"Code": _code, "CodeSha256": None}),
        Call("put_function_concurrency", settle=True, when=lambda change: change.new["reservedConcurrentExecutions"] >= 0),
    ],
    read=[
        (Call("get_function", {"Qualifier": None}), "Configuration"),
        (Call("get_function_concurrency"), "@"),
        (Call("list_versions_by_function"), "{Versions: Versions}"),
        _FUNCTION_TAGS,
    ],
    outputs={
        "version": _version,
        "qualifiedArn": lambda record: f"{record['FunctionArn']}:{_version(record)}" if "FunctionArn" in record else None,
        "invokeArn": lambda record: _invocation(record.get("FunctionArn"), record),
        "qualifiedInvokeArn": lambda record: _invocation(f"{record['FunctionArn']}:{_version(record)}", record)
        if "FunctionArn" in record else None,
        "responseStreamingInvokeArn": lambda record: _invocation(
            record.get("FunctionArn"), record, "2021-11-15", "response-streaming-invocations"),
        "layers": "Layers[].Arn",
        "reservedConcurrentExecutions": lambda record: record.get("ReservedConcurrentExecutions", -1),
        "tracingConfig": lambda record: record.get("TracingConfig") or {"Mode": "PassThrough"},
        "ephemeralStorage": lambda record: record.get("EphemeralStorage") or {"Size": 512},
        "snapStart": lambda record: record.get("SnapStart") if (record.get("SnapStart") or {}).get("ApplyOn") != "None" else None,
        "vpcConfig": lambda record: record.get("VpcConfig") if (record.get("VpcConfig") or {}).get("SubnetIds") else None,
        "environment": lambda record: {"variables": record["Environment"]["Variables"]}
        if (record.get("Environment") or {}).get("Variables") else None,
    },
    update=[
        Call("update_function_configuration", when=lambda change: change.changed(*_CONFIGURATION)),
        Call("update_function_code", {"Publish": None}, settle=True, when=lambda change: change.changed(*_CODE),
             each=lambda change: [_code(change)]),
        Call("put_function_concurrency", when=lambda change: change.changed("reservedConcurrentExecutions")
             and change.new["reservedConcurrentExecutions"] >= 0),
        Call("delete_function_concurrency", when=lambda change: change.changed("reservedConcurrentExecutions")
             and change.new["reservedConcurrentExecutions"] < 0),
        Call("publish_version", {"FunctionName": "{name}"}, auto=False, settle=True, when=_publishes),
    ],
    delete=[Call("delete_function", {"Qualifier": None}, when=lambda change: not change.new.get("skipDestroy"))],
    tagging=Tagging("tag_resource", "untag_resource", "Resource"),
    force_new=frozenset({"name", "packageType", "tenancyConfig"}),
    defaults={"memorySize": 128, "packageType": "Zip", "publish": False, "reservedConcurrentExecutions": -1,
              "skipDestroy": False, "timeout": 3},
    computed=_COMPUTED,
    kept=frozenset({"code", "publish", "skipDestroy", "s3Bucket", "s3Key", "s3ObjectVersion", "sourceCodeHash", "packageType"}),
    sets=frozenset({"vpcConfig.subnetIds", "vpcConfig.securityGroupIds"}),
    reset={"deadLetterConfig": {"TargetArn": ""}, "environment": {"Variables": {}}},
    recompute=_recompute,
    unsupported=frozenset({"capacityProviderConfig", "durableConfig", "imageConfig", "tenancyConfig", "publishTo",
                           "replaceSecurityGroupsOnDestroy", "replacementSecurityGroupIds", "codeSigningConfigArn",
                           "sourceKmsKeyArn", "codeSha256"}),
    name_limit=64,
    ready="State == 'Active' && LastUpdateStatus != 'InProgress'",
    failed="(State == 'Failed' && StateReason) || (LastUpdateStatus == 'Failed' && LastUpdateStatusReason)",
    retry=_RETRY,
    rules=[
        matches("name", r"[\w-]{1,64}", "1 to 64 letters, digits, - or _"),
        matches("role", r"arn:aws[\w-]*:iam::\d{12}:role/.+", "the ARN of an IAM role"),
        matches("handler", r"\S{1,128}", "1 to 128 characters without white space"),
        matches("description", r".{0,256}", "at most 256 characters"),
        within("memorySize", 128, 10240, "MB"), within("timeout", 1, 900, "seconds"),
        within("reservedConcurrentExecutions", -1, 10**6),
        one_of("packageType", "Zip", "Image"),
        nested("ephemeralStorage", within("size", 512, 10240, "MB")),
        nested("tracingConfig", one_of("mode", "Active", "PassThrough")),
        nested("loggingConfig", one_of("logFormat", "JSON", "Text")),
        nested("deadLetterConfig", matches("targetArn", r"arn:aws[\w-]*:(sqs|sns):.+", "the ARN of an SQS queue or SNS topic")),
        lambda p: next(((f"architectures[{i}]", f'is "{a}"; allowed are x86_64, arm64') for i, a in enumerate(
            p["architectures"]) if a not in ("x86_64", "arm64")), None)
        if isinstance(p.get("architectures"), list) and all(isinstance(a, str) for a in p["architectures"]) else None,
        lambda p: ("architectures", "has more than one") if len(p.get("architectures") or ()) > 1 else None,
        lambda p: ("layers", "are more than 5") if isinstance(p.get("layers"), list) and len(p["layers"]) > 5 else None,
        conflicts("code", "s3Bucket", "imageUri"), required("s3Key", beside="s3Bucket"),
        _source_given, _zip_needs, _environment_size,
    ],
)  # fmt: skip


def _same_function(one: Any, other: Any) -> bool:
    """A function may be given by name or by ARN."""
    return str(one).partition(":function:")[2] == other or str(other).partition(":function:")[2] == one


_ALIAS = ResourceType(
    token="aws:lambda/alias:Alias",
    service="lambda",
    gone=_GONE,
    names={"arn": "AliasArn"},
    create=[Call("create_alias")],
    read=[(Call("get_alias"), "@")],
    outputs={"invokeArn": lambda record: _invocation(record.get("AliasArn"), record)},
    update=[Call("update_alias")],
    delete=[Call("delete_alias")],
    id=("{arn}",),
    imports=("{functionName}/{name}",),
    force_new=frozenset({"functionName", "name"}),
    kept=frozenset({"functionName"}),
    same={"functionName": _same_function},
    reset={"routingConfig": {"AdditionalVersionWeights": {}}},
    name_limit=128,
    retry=_RETRY,
    rules=[
        matches("name", r"(?!\d+$)[\w-]{1,128}", "1 to 128 letters, digits, - or _, not a number alone"),
        matches("functionVersion", r"\$LATEST|\d+", "$LATEST or a version's number"),
        lambda p: ("routingConfig", "needs a published version, not $LATEST")
        if "routingConfig" in p and p["functionVersion"] == "$LATEST" else None,
    ],
)  # fmt: skip

_PROVISIONED = ResourceType(
    token="aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
    service="lambda",
    gone=(*_GONE, "ProvisionedConcurrencyConfigNotFoundException"),
    create=[Call("put_provisioned_concurrency_config")],
    read=[(Call("get_provisioned_concurrency_config"), "@")],
    # As the official provider: what is allocated, so that autoscaling shows as drift.
    outputs={"provisionedConcurrentExecutions":
             "AllocatedProvisionedConcurrentExecutions || RequestedProvisionedConcurrentExecutions"},
    update=[Call("put_provisioned_concurrency_config")],
    delete=[Call("delete_provisioned_concurrency_config", when=lambda change: not change.new.get("skipDestroy"))],
    id=("{functionName},{qualifier}",),
    imports=("{functionName},{qualifier}",),
    force_new=frozenset({"functionName", "qualifier"}),
    defaults={"skipDestroy": False},
    kept=frozenset({"functionName", "qualifier", "skipDestroy"}),
    named=None,
    ready="Status == 'READY'",
    failed="Status == 'FAILED' && StatusReason",
    vanish=True,
    retry=_RETRY,
    rules=[within("provisionedConcurrentExecutions", 1, 10**6),
           lambda p: ("qualifier", "is $LATEST; provisioned concurrency needs a published version or an alias")
           if p["qualifier"] == "$LATEST" else None],
)  # fmt: skip


def _destinations(change: Change) -> dict[str, Any]:
    """A put without a destination keeps the old one: say so explicitly."""
    config = change.new.get("destinationConfig") or {}
    return {aws: {"Destination": config[name]["destination"]} if config.get(name) else {}
            for name, aws in (("onFailure", "OnFailure"), ("onSuccess", "OnSuccess"))}  # fmt: skip


_INVOKE = ResourceType(
    token="aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    service="lambda",
    gone=_GONE,
    create=[Call("put_function_event_invoke_config", {"DestinationConfig": _destinations})],
    read=[(Call("get_function_event_invoke_config"), "@")],
    outputs={"destinationConfig": lambda record: {
        name: {"destination": record["DestinationConfig"][aws]["Destination"]}
        for name, aws in (("onFailure", "OnFailure"), ("onSuccess", "OnSuccess"))
        if (record.get("DestinationConfig") or {}).get(aws, {}).get("Destination")} or None},
    update=[Call("put_function_event_invoke_config", {"DestinationConfig": _destinations},
                 when=lambda change: change.changed("destinationConfig", "maximumEventAgeInSeconds", "maximumRetryAttempts"))],
    delete=[Call("delete_function_event_invoke_config")],
    id=("{functionName}:{qualifier}", "{functionName}"),
    imports=("{functionName}:{qualifier}", "{functionName}"),
    force_new=frozenset({"functionName", "qualifier"}),
    defaults={"maximumRetryAttempts": 2},
    kept=frozenset({"functionName", "qualifier"}),
    named=None,
    retry=_RETRY,
    rules=[
        within("maximumRetryAttempts", 0, 2), within("maximumEventAgeInSeconds", 60, 21600, "seconds"),
        matches("functionName", r"[\w-]+|arn:[^:]+:lambda:[^:]+:\d+:function:[\w-]+", "a function's name or ARN without a "
                "qualifier (that goes into qualifier)"),
    ],
)  # fmt: skip

_STREAM_ONLY: Final = ("bisectBatchOnFunctionError", "maximumRetryAttempts", "maximumRecordAgeInSeconds", "parallelizationFactor",
                       "tumblingWindowInSeconds", "destinationConfig", "startingPosition", "startingPositionTimestamp")  # fmt: skip


def _by_source(properties: Properties) -> tuple[str, str] | None:
    """What a queue and a stream can do differs."""
    arn = properties.get("eventSourceArn")
    if not isinstance(arn, str):
        return None
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    given = [name for name in _STREAM_ONLY if properties.get(name) not in (None, False)]
    if service == "sqs" and given:
        return given[0], "is for streams; an SQS source does not have it"
    if service in {"dynamodb", "kinesis"}:
        if "startingPosition" not in properties:
            return "startingPosition", "missing; a stream needs LATEST or TRIM_HORIZON"
        if "scalingConfig" in properties:
            return "scalingConfig", "is for SQS sources; a stream does not have it"
        if service == "dynamodb" and properties["startingPosition"] == "AT_TIMESTAMP":
            return "startingPosition", "is AT_TIMESTAMP; a DynamoDB stream has LATEST and TRIM_HORIZON"
    return None


def _batches(properties: Properties) -> tuple[str, str] | None:
    size, window = properties.get("batchSize"), properties.get("maximumBatchingWindowInSeconds", 0)
    arn = properties.get("eventSourceArn")
    if not isinstance(size, int) or not isinstance(arn, str) or ":sqs:" not in arn:
        return None
    if arn.endswith(".fifo") and size > 10:
        return "batchSize", f"is {size}; a FIFO queue allows 1 to 10"
    if size > 10 and window == 0:
        return "maximumBatchingWindowInSeconds", f"must be at least 1 where batchSize ({size}) is above 10"
    return None


def _or_forever(name: str, low: int, high: int) -> Any:
    """−1 means without end."""
    rule = within(name, low, high)
    return lambda properties: None if properties.get(name) == -1 else rule(properties)


_MAPPING = ResourceType(
    token="aws:lambda/eventSourceMapping:EventSourceMapping",
    service="lambda",
    gone=_GONE,
    names={"arn": "EventSourceMappingArn", "destinationConfig.onFailure.destinationArn": "Destination",
           "stateTransitionReason": "StateTransitionReason", "kmsKeyArn": "KMSKeyArn"},
    create=[Call("create_event_source_mapping")],
    read=[(Call("get_event_source_mapping", {"UUID": "{id}"}), "@"),
          (Call("list_tags", {"Resource": "{arn}"},
                gone=("ValidationException", "InvalidParameterValueException")), "{Tags: Tags}")],
    outputs={
        "functionName": "FunctionArn",
        "enabled": "contains(['Enabled', 'Enabling', 'Creating', 'Updating'], State || 'Enabled')",
        "startingPositionTimestamp": "StartingPositionTimestamp",
        "arn": lambda record: record.get("EventSourceMappingArn") or (record.get("UUID") and
            f"arn:aws:lambda:{record['_region']}:{record['_session'].account}:event-source-mapping:{record['UUID']}"),
        "filterCriteria": lambda record: record.get("FilterCriteria") if (record.get("FilterCriteria") or {}).get("Filters") else None,
        "destinationConfig": lambda record: record.get("DestinationConfig") if ((record.get("DestinationConfig") or {}).get(
            "OnFailure") or {}).get("Destination") else None,
        "scalingConfig": lambda record: record.get("ScalingConfig") if record.get("ScalingConfig") else None,
    },
    update=[Call("update_event_source_mapping", {"UUID": "{id}"})],
    delete=[Call("delete_event_source_mapping", {"UUID": "{id}"})],
    tagging=Tagging("tag_resource", "untag_resource", "Resource"),
    id=("{uuid}",),
    imports=("{uuid}",),
    force_new=frozenset({"eventSourceArn", "startingPosition", "startingPositionTimestamp", "queues", "topics",
                         "selfManagedEventSource"}),
    defaults={"enabled": True},
    computed=frozenset({"batchSize", "maximumRecordAgeInSeconds", "maximumRetryAttempts", "parallelizationFactor",
                        "maximumBatchingWindowInSeconds"}),
    # Not all of these come back from the embedded AWS.
    kept=frozenset({"startingPosition", "bisectBatchOnFunctionError", "maximumRecordAgeInSeconds", "maximumRetryAttempts",
                    "parallelizationFactor", "tumblingWindowInSeconds"}),
    json=frozenset(),
    sets=frozenset({"functionResponseTypes", "filterCriteria.filters"}),
    same={"functionName": _same_function, "filterCriteria.filters.pattern": lambda a, b: json.loads(a) == json.loads(b)},
    reset={"destinationConfig": {"OnFailure": {}}, "filterCriteria": {"Filters": []}, "scalingConfig": {},
           "bisectBatchOnFunctionError": False, "tumblingWindowInSeconds": 0},
    unsupported=frozenset({
        "amazonManagedKafkaEventSourceConfig", "documentDbEventSourceConfig", "metricsConfig", "provisionedPollerConfig",
        "queues", "selfManagedEventSource", "selfManagedKafkaEventSourceConfig", "sourceAccessConfigurations", "topics"}),
    named=None,
    ready="contains(['Enabled', 'Disabled'], State)",
    vanish=True,
    retry=(*_RETRY, "ResourceInUseException"),
    rules=[
        _by_source, _batches,
        within("batchSize", 1, 10000), within("maximumBatchingWindowInSeconds", 0, 300, "seconds"),
        within("parallelizationFactor", 1, 10), within("tumblingWindowInSeconds", 0, 900, "seconds"),
        _or_forever("maximumRetryAttempts", 0, 10000), _or_forever("maximumRecordAgeInSeconds", 60, 604800),
        nested("scalingConfig", within("maximumConcurrency", 2, 1000)),
        one_of("startingPosition", "LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"),
        nested("functionResponseTypes", lambda _p: None),
        lambda p: ("filterCriteria.filters", "are more than 10")
        if isinstance(p.get("filterCriteria"), dict) and len(p["filterCriteria"].get("filters") or ()) > 10 else None,
        required("eventSourceArn", beside="selfManagedEventSource", absent=True),
    ],
)  # fmt: skip


def _statement(record: Properties) -> Properties:
    """The statement of this permission in the function's policy."""
    statements = json.loads(record["Policy"]).get("Statement", []) if "Policy" in record else []
    wanted = record["_state"].get("statementId") or record["_id"]
    return next((statement for statement in statements if statement.get("Sid") == wanted), {})


def _condition(statement: Properties, key: str) -> Any:
    return next((value for test in (statement.get("Condition") or {}).values()
                 for name, value in test.items() if name.lower() == key.lower()), None)  # fmt: skip


def _principal(record: Properties) -> Any:
    principal = _statement(record).get("Principal")
    return next(iter(principal.values()), None) if isinstance(principal, dict) else principal


_PERMISSION = ResourceType(
    token="aws:lambda/permission:Permission",
    service="lambda",
    gone=_GONE,
    names={"function": "FunctionName", "principalOrgId": "PrincipalOrgID"},
    create=[Call("add_permission")],
    read=[(Call("get_policy"), "contains(Policy, '\"{statementId}\"') && @ || `null`")],
    outputs={
        "action": lambda record: _statement(record).get("Action"),
        "principal": _principal,
        "sourceArn": lambda record: _condition(_statement(record), "AWS:SourceArn"),
        "sourceAccount": lambda record: _condition(_statement(record), "AWS:SourceAccount"),
        "statementId": lambda record: _statement(record).get("Sid"),
    },
    delete=[Call("remove_permission")],
    id=("{statementId}",),
    imports=("{function}:{qualifier}/{statementId}", "{function}/{statementId}"),
    force_new=frozenset({"action", "function", "principal", "qualifier", "sourceAccount", "sourceArn", "statementId",
                         "statementIdPrefix", "eventSourceToken", "functionUrlAuthType", "invokedViaFunctionUrl", "principalOrgId"}),
    kept=frozenset({"function", "qualifier", "statementIdPrefix", "eventSourceToken", "functionUrlAuthType", "principalOrgId"}),
    same={"function": _same_function, "principal": lambda a, b: {a, b} >= {str(a)} and (str(a).endswith(f":{b}:root")
          or str(b).endswith(f":{a}:root"))},
    named="statementId",
    name_limit=100,
    retry=_RETRY,
    rules=[matches("action", r"lambda:([A-Za-z]+|\*)", "lambda: and an operation's name"),
           matches("statementId", r"[\w-]{1,100}", "1 to 100 letters, digits, - or _")],
)  # fmt: skip

TYPES: Final = (_FUNCTION, _ALIAS, _PROVISIONED, _INVOKE, _MAPPING, _PERMISSION)
