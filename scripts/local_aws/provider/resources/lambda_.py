"""AWS Lambda: functions, aliases, provisioned concurrency, async invocation, permissions. Event sources: `mappings`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, Final

from local_aws.provider.model import Call, Change, Parameters, ResourceType, Tagging, changes_in, words
from local_aws.provider.wire import Archive, Properties

GONE: Final = ("ResourceNotFoundException",)
# A role or policy made a moment ago is not visible everywhere yet; a function is busy while it changes.
RETRY: Final = (
    "cannot be assumed by Lambda", "does not have permissions", "execution role", "destination ARN",
    "The operation cannot be performed at this time", "An update is in progress", "TooManyRequestsException",
)  # fmt: skip
_CODE: Final = ("code", "architectures", "sourceCodeHash")
_CONFIGURATION: Final = (
    "role", "handler", "runtime", "timeout", "memorySize", "environment", "deadLetterConfig", "description",
    "kmsKeyArn", "loggingConfig", "tracingConfig", "ephemeralStorage",
)  # fmt: skip


def _code(change: Change) -> dict[str, Any]:
    archive = change.new["code"]
    return {"ZipFile": archive.content()} if isinstance(archive, Archive) else {}


def _publishes(change: Change) -> bool:
    """A version is published when code or configuration has changed, or when publishing begins."""
    return bool(change.new.get("publish")) and change.changed("publish", *_CODE, *_CONFIGURATION)


def _recompute(changed: AbstractSet[str], new: Properties) -> set[str]:
    """Mark the outputs of a new version as unknown until it is published."""
    touched = not changed.isdisjoint((*_CODE, *_CONFIGURATION))
    outputs = {"lastModified"} if touched else set[str]()
    outputs |= set() if changed.isdisjoint(_CODE) else {"sourceCodeSize", "codeSha256"}
    published = new.get("publish") and (touched or "publish" in changed)
    return outputs | ({"version", "qualifiedArn", "qualifiedInvokeArn"} if published else set())


def _invocation(arn: str, record: Properties, api: str = "2015-03-31", call: str = "invocations") -> str:
    return f"arn:aws:apigateway:{record['_region']}:lambda:path/{api}/functions/{arn}/{call}"


def _of_function(suffix: str, *call: str) -> Any:
    """An ARN by which API Gateway invokes; the record that creation returns may not have what it is made of."""

    def value(record: Properties) -> str | None:
        return (
            _invocation(record["FunctionArn"] + suffix.format(_version(record)), record, *call)
            if "Versions" in record
            else None
        )

    return value


def _version(record: Properties) -> str:
    """The newest published version, `$LATEST` when there is none."""
    numbers = [int(version["Version"]) for version in record.get("Versions", []) if version["Version"].isdigit()]
    return str(max(numbers)) if numbers else "$LATEST"


def _concurrency(*, reserved: bool) -> Any:
    name = "reservedConcurrentExecutions"
    return lambda change: (
        change.changed(name) and (change.new.get(name, -1) >= 0) is reserved and bool(change.old or reserved)
    )


def same_function(one: Any, other: Any) -> bool:
    """A function may be given by name or by ARN."""
    return str(one).rpartition(":function:")[2] == str(other).rpartition(":function:")[2]


_lambda_type = partial(ResourceType, service="lambda", gone=GONE, retry=RETRY)

_FUNCTION = _lambda_type(
    token="aws:lambda/function:Function",
    names={"name": "FunctionName", "arn": "FunctionArn", "sourceCodeSize": "CodeSize", "kmsKeyArn": "KMSKeyArn"},
    create=[
        Call("create_function", {"Code": _code}),
        Call("put_function_concurrency", when=_concurrency(reserved=True), settle=True),
    ],
    read=[
        (Call("get_function"), "Configuration"),
        (Call("get_function_concurrency"), "@"),
        (Call("list_versions_by_function"), "{Versions: Versions}"),
    ],
    outputs={
        "version": _version,
        "qualifiedArn": lambda record: f"{record['FunctionArn']}:{_version(record)}" if "Versions" in record else None,
        "invokeArn": _of_function(""),
        "qualifiedInvokeArn": _of_function(":{}"),
        "responseStreamingInvokeArn": _of_function("", "2021-11-15", "response-streaming-invocations"),
        "reservedConcurrentExecutions": lambda record: record.get("ReservedConcurrentExecutions", -1),
        "tracingConfig": "TracingConfig || {Mode: 'PassThrough'}",
        "ephemeralStorage": "EphemeralStorage || {Size: `512`}",
        "environment": "Environment.Variables && {variables: Environment.Variables} || `null`",
    },
    # One after the other as the official provider does: configuration, code, version.
    update=[
        Call("update_function_configuration", when=changes_in(*_CONFIGURATION)),
        Call("update_function_code", {"Publish": None}, changes_in(*_CODE), lambda c: [_code(c)], settle=True),
        Call("put_function_concurrency", when=_concurrency(reserved=True)),
        Call("delete_function_concurrency", when=_concurrency(reserved=False)),
        Call("publish_version", {"FunctionName": "{name}"}, _publishes, settle=True, auto=False),
    ],
    delete=[Call("delete_function", when=lambda change: not change.new.get("skipDestroy"))],
    tagging=Tagging("list_tags", "tag_resource", "untag_resource", "Resource"),
    force_new={"name", "packageType"},
    defaults={
        "memorySize": 128, "packageType": "Zip", "publish": False, "reservedConcurrentExecutions": -1,
        "skipDestroy": False, "timeout": 3,
    },
    computed=words(
        "architectures ephemeralStorage loggingConfig tracingConfig codeSha256 sourceCodeHash"
    ),
    kept={"code", "publish", "skipDestroy", "sourceCodeHash"},
    reset={"deadLetterConfig": {"TargetArn": ""}, "environment": {"Variables": {}}},
    recompute=_recompute,
    unsupported=words(
        "capacityProviderConfig codeSha256 codeSigningConfigArn durableConfig fileSystemConfig imageConfig "
        "imageUri layers publishTo replaceSecurityGroupsOnDestroy replacementSecurityGroupIds s3Bucket s3Key "
        "s3ObjectVersion snapStart sourceKmsKeyArn tenancyConfig vpcConfig"
    ),
    name_limit=64,
    # The model has those of managed instances.
    limits={
        "memorySize": {"max": 10240},
        "timeout": {"max": 900},
        "ephemeralStorage.size": {"max": 10240},
        "packageType": {"enum": ["Zip"]},
    },
    ready="State == 'Active' && LastUpdateStatus != 'InProgress'",
    failed="(State == 'Failed' && StateReason) || (LastUpdateStatus == 'Failed' && LastUpdateStatusReason)",
)  # fmt: skip

_ALIAS = _lambda_type(
    token="aws:lambda/alias:Alias",
    names={"arn": "AliasArn"},
    create=[Call("create_alias")],
    outputs={"invokeArn": lambda record: _invocation(record["AliasArn"], record)},
    update=[Call("update_alias")],
    id=("{arn}",),
    imports=("{functionName}/{name}",),
    force_new={"functionName", "name"},
    kept={"functionName"},
    same={"functionName": same_function},
    reset={"routingConfig": {"AdditionalVersionWeights": {}}},
    name_limit=128,
)

_ALLOCATED: Final = "AllocatedProvisionedConcurrentExecutions || RequestedProvisionedConcurrentExecutions"

_PROVISIONED = _lambda_type(
    token="aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
    gone=(*GONE, "ProvisionedConcurrencyConfigNotFoundException"),
    create=[Call("put_provisioned_concurrency_config")],
    # As the official provider: what is allocated, so that autoscaling shows as drift.
    outputs={"provisionedConcurrentExecutions": _ALLOCATED},
    update=[Call("put_provisioned_concurrency_config")],
    delete=[Call("delete_provisioned_concurrency_config", when=lambda change: not change.new.get("skipDestroy"))],
    id=("{functionName},{qualifier}",),
    force_new={"functionName", "qualifier"},
    defaults={"skipDestroy": False},
    kept={"functionName", "qualifier", "skipDestroy"},
    limits={"qualifier": {"pattern": r"[\w-]+"}},  # not $LATEST
    ready="Status == 'READY'",
    failed="Status == 'FAILED' && StatusReason",
    vanish=True,
)


def _destinations(change: Change) -> Sequence[Parameters]:
    """A put without a destination would keep the old one."""
    config = change.new.get("destinationConfig") or {}
    given = {aws: {"Destination": config[name]["destination"]} if config.get(name) else {}
             for name, aws in (("onFailure", "OnFailure"), ("onSuccess", "OnSuccess"))}  # fmt: skip
    return [{"DestinationConfig": given}]


_PUT_INVOKE: Final = Call(
    "put_function_event_invoke_config",
    when=changes_in("destinationConfig", "maximumEventAgeInSeconds", "maximumRetryAttempts"),
    each=_destinations,
)

_INVOKE = _lambda_type(
    token="aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    create=[_PUT_INVOKE],
    update=[_PUT_INVOKE],
    id=("{functionName}:{qualifier}", "{functionName}"),
    force_new={"functionName", "qualifier"},
    defaults={"maximumRetryAttempts": 2},
    kept={"functionName", "qualifier"},
)


def _statement(record: Properties) -> Properties:
    """The statement of this permission in the function's policy."""
    statements = json.loads(record["Policy"]).get("Statement", []) if "Policy" in record else []
    wanted = record["_state"].get("statementId")
    return next((statement for statement in statements if statement.get("Sid") == wanted), {})


def _principal(record: Properties) -> Any:
    principal = _statement(record).get("Principal")
    return next(iter(principal.values()), None) if isinstance(principal, dict) else principal


def _condition(key: str) -> Any:
    """The value a statement's condition compares this key with."""

    def value(record: Properties) -> Any:
        tests = (_statement(record).get("Condition") or {}).values()
        return next((value for test in tests for name, value in test.items() if name.lower() == key.lower()), None)

    return value


def _same_principal(one: Any, other: Any) -> bool:
    """An account may be given by its number or by its root's ARN."""
    return str(one).removesuffix(":root").rpartition(":")[2] == str(other).removesuffix(":root").rpartition(":")[2]


_PERMISSION = _lambda_type(
    token="aws:lambda/permission:Permission",
    names={"function": "FunctionName", "principalOrgId": "PrincipalOrgID"},
    create=[Call("add_permission")],
    read=[(Call("get_policy"), "contains(Policy, '\"{statementId}\"') && @ || `null`")],
    outputs={
        "action": lambda record: _statement(record).get("Action"),
        "principal": _principal,
        "sourceArn": _condition("AWS:SourceArn"),
        "sourceAccount": _condition("AWS:SourceAccount"),
        "functionUrlAuthType": _condition("lambda:FunctionUrlAuthType"),
        "invokedViaFunctionUrl": lambda record: _condition("lambda:InvokedViaFunctionUrl")(record) == "true" or None,
    },
    delete=[Call("remove_permission")],
    id=("{statementId}",),
    imports=("{function}:{qualifier}/{statementId}", "{function}/{statementId}"),
    force_new=words(
        "action eventSourceToken function functionUrlAuthType invokedViaFunctionUrl principal principalOrgId "
        "qualifier sourceAccount sourceArn statementId statementIdPrefix"
    ),
    kept=words("eventSourceToken function principalOrgId qualifier statementId statementIdPrefix"),
    same={"function": same_function, "principal": _same_principal},
    named="statementId",
    name_limit=100,
)  # fmt: skip

TYPES: Final = (_FUNCTION, _ALIAS, _PROVISIONED, _INVOKE, _PERMISSION)
