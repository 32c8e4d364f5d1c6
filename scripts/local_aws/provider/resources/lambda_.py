"""AWS Lambda: functions, aliases, provisioned concurrency, async invocation, permissions. Event sources: `mappings`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from local_aws.provider.model import Call, Change, Parameters, ResourceType, Tagging, changes_in, words
from local_aws.provider.rules import Failure, at_most, matches, nested, one_of, within
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
# Runtime environment variables that Lambda sets itself ("Defined runtime environment variables" in its guide).
_RESERVED: Final = frozenset({
    "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_HANDLER",
    "_X_AMZN_TRACE_ID",
})  # fmt: skip


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


def _zip_needs(properties: Properties) -> Failure | None:
    missing = [name for name in ("code", "handler", "runtime") if name not in properties]
    return (missing[0], "missing; a function packaged as a ZIP file needs it") if missing else None


def _variables(environment: Properties) -> Failure | None:
    variables = environment.get("variables") or {}
    if not isinstance(variables, dict):
        return None
    if reserved := sorted(_RESERVED & variables.keys()):
        return f"variables.{reserved[0]}", "is set by Lambda itself and can't be given"
    size = sum(len(key) + len(value) for key, value in variables.items() if isinstance(value, str))
    return ("variables", f"are {size} bytes; AWS allows 4096") if size > 4096 else None


def same_function(one: Any, other: Any) -> bool:
    """A function may be given by name or by ARN."""
    return str(one).rpartition(":function:")[2] == str(other).rpartition(":function:")[2]


_FUNCTION = ResourceType(
    token="aws:lambda/function:Function",
    service="lambda",
    gone=GONE,
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
    ready="State == 'Active' && LastUpdateStatus != 'InProgress'",
    failed="(State == 'Failed' && StateReason) || (LastUpdateStatus == 'Failed' && LastUpdateStatusReason)",
    retry=RETRY,
    rules=[
        matches("name", r"[\w-]{1,64}", "1 to 64 alphanumerics, - or _"),
        matches("role", r"arn:aws[\w-]*:iam::\d{12}:role/.+", "the ARN of an IAM role"),
        matches("handler", r"\S{1,128}", "1 to 128 characters without white space"),
        matches("description", r".{0,256}", "at most 256 characters"),
        within("memorySize", 128, 10240, "MB"),
        within("timeout", 1, 900, "seconds"),
        within("reservedConcurrentExecutions", -1, 10**6),
        one_of("packageType", "Zip"),
        one_of("architectures", "x86_64", "arm64"),
        at_most("architectures", 1),
        nested("ephemeralStorage", within("size", 512, 10240, "MB")),
        nested("tracingConfig", one_of("mode", "Active", "PassThrough")),
        nested("loggingConfig", one_of("logFormat", "JSON", "Text")),
        nested("deadLetterConfig", matches("targetArn", r"arn:aws[\w-]*:(sqs|sns):.+", "the ARN of a queue or topic")),
        nested("environment", _variables),
        _zip_needs,
    ],
)  # fmt: skip

_ALIAS = ResourceType(
    token="aws:lambda/alias:Alias",
    service="lambda",
    gone=GONE,
    names={"arn": "AliasArn"},
    create=[Call("create_alias")],
    read=[(Call("get_alias"), "@")],
    outputs={"invokeArn": lambda record: _invocation(record["AliasArn"], record)},
    update=[Call("update_alias")],
    delete=[Call("delete_alias")],
    id=("{arn}",),
    imports=("{functionName}/{name}",),
    force_new={"functionName", "name"},
    kept={"functionName"},
    same={"functionName": same_function},
    reset={"routingConfig": {"AdditionalVersionWeights": {}}},
    name_limit=128,
    retry=RETRY,
    rules=[
        matches("name", r"(?!\d+$)[\w-]{1,128}", "1 to 128 alphanumerics, - or _, not a number alone"),
        matches("functionVersion", r"\$LATEST|\d+", "$LATEST or a version's number"),
    ],
)

_ALLOCATED: Final = "AllocatedProvisionedConcurrentExecutions || RequestedProvisionedConcurrentExecutions"

_PROVISIONED = ResourceType(
    token="aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
    service="lambda",
    gone=(*GONE, "ProvisionedConcurrencyConfigNotFoundException"),
    create=[Call("put_provisioned_concurrency_config")],
    read=[(Call("get_provisioned_concurrency_config"), "@")],
    # As the official provider: what is allocated, so that autoscaling shows as drift.
    outputs={"provisionedConcurrentExecutions": _ALLOCATED},
    update=[Call("put_provisioned_concurrency_config")],
    delete=[Call("delete_provisioned_concurrency_config", when=lambda change: not change.new.get("skipDestroy"))],
    id=("{functionName},{qualifier}",),
    imports=("{functionName},{qualifier}",),
    force_new={"functionName", "qualifier"},
    defaults={"skipDestroy": False},
    kept={"functionName", "qualifier", "skipDestroy"},
    named=None,
    ready="Status == 'READY'",
    failed="Status == 'FAILED' && StatusReason",
    vanish=True,
    retry=RETRY,
    rules=[
        within("provisionedConcurrentExecutions", 1, 10**6),
        matches("qualifier", r"[\w-]+", "a published version or an alias, not $LATEST"),
    ],
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

_INVOKE = ResourceType(
    token="aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    service="lambda",
    gone=GONE,
    create=[_PUT_INVOKE],
    read=[(Call("get_function_event_invoke_config"), "@")],
    update=[_PUT_INVOKE],
    delete=[Call("delete_function_event_invoke_config")],
    id=("{functionName}:{qualifier}", "{functionName}"),
    imports=("{functionName}:{qualifier}", "{functionName}"),
    force_new={"functionName", "qualifier"},
    defaults={"maximumRetryAttempts": 2},
    kept={"functionName", "qualifier"},
    named=None,
    retry=RETRY,
    rules=[
        within("maximumRetryAttempts", 0, 2),
        within("maximumEventAgeInSeconds", 60, 21600, "seconds"),
        matches(
            "functionName",
            r"(arn:.+:function:)?[\w-]+",
            "a function's name or ARN; a version or alias goes into qualifier",
        ),
    ],
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


_PERMISSION = ResourceType(
    token="aws:lambda/permission:Permission",
    service="lambda",
    gone=GONE,
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
    retry=RETRY,
    rules=[
        matches("action", r"lambda:([A-Za-z]+|\*)", "lambda: and an operation's name"),
        matches("statementId", r"[\w-]{1,100}", "1 to 100 alphanumerics, - or _"),
    ],
)  # fmt: skip

TYPES: Final = (_FUNCTION, _ALIAS, _PROVISIONED, _INVOKE, _PERMISSION)
