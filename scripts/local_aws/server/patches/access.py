"""Permissions: whether a role may do what AWS does in its name, and the actions that requests really need."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from local_aws.server.patches.target import cloudwatch, get_account_id, get_region, iam, iam_actions, iam_evaluator, sns

_SQS_WITH_BATCH = ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
_BATCHES = {f"sqs:{action}Batch": f"sqs:{action}" for action in _SQS_WITH_BATCH}
_STATEMENT = re.compile(
    r'\s*(INSERT|UPDATE|DELETE|SELECT)\b(?:\s+INTO\b|\s+FROM\b|.*?\sFROM\b)?\s*"?([\w.-]+)"?', re.IGNORECASE | re.DOTALL
)
# Operations whose action is called otherwise ("Actions, resources, and condition keys for AWS Lambda").
_LAMBDA_NAMES = dict.fromkeys(("Invoke", "InvokeAsync", "InvokeWithResponseStream"), "InvokeFunction")
_ALARM_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def _of_lambda(arn: str, path: str, body: bytes, query: Any, region: str, account: str) -> str:
    """A function that is being created is named in the body, an alias or version in the query."""
    if arn == "*" and path.rstrip("/").endswith("/functions"):
        name = iam_actions._safe_json_field(body, "FunctionName")
        return f"arn:aws:lambda:{region}:{account}:function:{name}" if name else arn
    qualifier = iam_actions._query_param(query, "Qualifier")
    return f"{arn}:{qualifier}" if qualifier and not arn.endswith(f":{qualifier}") else arn


def _of_schedule(arn: str, body: bytes, query: Any) -> str:
    """A schedule's ARN names its group, which stands in the body or in the query; of its tags, the address does."""
    group = iam_actions._safe_json_field(body, "GroupName") or iam_actions._query_param(query, "groupName")
    return arn.replace(":schedule/default/", f":schedule/{group}/") if group else arn


def apply() -> None:
    """Make the corrections."""
    _open_record()
    extract = iam_actions.extract_iam_action

    iam_actions._BOTOCORE_SERVICE_MAP["lambda"] = ["lambda"]

    def corrected(service: str, method: str, path: str, *more: Any, **named: Any) -> str | None:
        """SQS has no actions for its batch operations; of Lambda's operations each has its own, reads apart."""
        if service == "lambda":
            query = more[2] if len(more) > 2 else named.get("query_params")
            operation = iam_actions._match_rest_action(service, method, path, query) or ""
            return f"lambda:{_LAMBDA_NAMES.get(operation, operation)}" if operation else None
        action: str | None = extract(service, method, path, *more, **named)
        return _BATCHES.get(action, action) if action else action

    resource = iam_actions.extract_resource_arn

    def with_arns(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> str:
        """Authorize reads of a stream on that stream; otherwise only a grant on everything would do.

        The same holds for the queue whose messages a task moves, the table whose tags are asked for, and the alias.
        """
        named = {"dynamodbstreams": "StreamArn", "sqs": "SourceArn", "dynamodb": "ResourceArn"}.get(service)
        arn = iam_actions._safe_json_field(body, named) if named else ""
        arn = arn or str(resource(service, method, path, headers, body, *more))
        if service == "scheduler":
            return _of_schedule(arn, body, more[0])
        if service == "sns" and arn == "*":
            arn = str(iam_actions._query_param(more[0], "ResourceArn") or arn)
        return _of_lambda(arn, path, body, *more) if service == "lambda" else arn

    checks = iam_actions.dynamodb_transaction_checks

    def with_statements(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        """Batches of statements have no action either: each INSERT is allowed by `PartiQLInsert` on its table."""
        if action != "dynamodb:BatchExecuteStatement":
            return list(checks(action, body, region, account))
        statements = (json.loads(body or b"{}") or {}).get("Statements") or []
        return list(dict.fromkeys(_needed_by(str(each.get("Statement")), region, account) for each in statements))

    iam_actions.dynamodb_transaction_checks = with_statements
    iam_actions.extract_iam_action = corrected
    iam_actions.extract_resource_arn = with_arns
    # What AWS does by itself (deliveries, mappings) it does over TLS; requests say how they came, see `emulator`.
    iam_evaluator._request_origin = ContextVar("origin", default=("127.0.0.1", True))
    _record_denials()
    _check_topic_policies()
    _allow_the_administrator_every_role()


def _needed_by(statement: str, region: str, account: str) -> tuple[str, str]:
    """The action and the table of a PartiQL statement; of one that can't be read, everything."""
    found = _STATEMENT.match(statement)
    if not found:
        return "dynamodb:PartiQL*", "*"
    verb, table = found[1].capitalize(), found[2]
    return f"dynamodb:PartiQL{verb}", f"arn:aws:dynamodb:{region}:{account}:table/{table}"


def _record_denials() -> None:
    enforce = iam_evaluator.enforce

    def recorded(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", *more: Any, **named: Any
    ) -> Any:
        denied = enforce(key, action, service, region, resource_arn, *more, **named)
        if isinstance(denied, iam_evaluator.EvalResult):
            _record_denial(denied.principal_arn, action, resource_arn)
        return denied

    iam_evaluator.enforce = recorded


def _allow_the_administrator_every_role() -> None:
    """The administrator may take any role, so that it can be seen what the role may do; on AWS only Lambda may."""
    evaluate = iam_evaluator.evaluate_trust_policy

    def asked(document: Any, caller: str, *context: Any) -> bool:
        return caller.endswith(":root") or bool(evaluate(document, caller, *context))

    iam_evaluator.evaluate_trust_policy = asked


def _check_topic_policies() -> None:
    """An alarm reaches a topic only if the topic's policy lets CloudWatch in for that alarm."""
    dispatch = cloudwatch._dispatch_alarm_actions

    def permitted(alarm: dict[str, Any], *change: Any) -> None:
        lists = {key: [item for item in alarm.get(key) or [] if _topic_allows(item, alarm)] for key in _ALARM_ACTIONS}
        dispatch(alarm | lists, *change)

    cloudwatch._dispatch_alarm_actions = permitted


def _topic_allows(action: str, alarm: dict[str, Any]) -> bool:
    service = "cloudwatch.amazonaws.com"
    if action not in sns._topics or sns.topic_policy_allows(action, service, alarm["AlarmArn"], get_account_id()):
        return True
    _record_denial(service, "sns:Publish", action)
    return False


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Evaluate the role's policies and boundary, and the resource's policy; a role that is gone may do nothing."""
    account, name = get_account_id(), role_arn.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/lambda",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    result = iam_evaluator.evaluate(context, policies, *limits)
    found = iam_evaluator._resource_policy(action.partition(":")[0], resource)
    if found is not None:
        result = iam_evaluator.combine_resource_policy(result, context, *found, limits=limits)
    if result.decision != "Allow":
        _record_denial(context.principal_arn, action, resource)
    return bool(result.decision == "Allow")


def trusts(role_arn: str, service: str, source_arn: str) -> bool:
    """Evaluate whether a role lets an AWS service assume it for a resource of the account; a lost role does not."""
    account, name = get_account_id(), role_arn.rpartition("/")[2]
    role = iam._roles.get(name)
    context = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": account},
    )
    document = json.loads(role["AssumeRolePolicyDocument"]) if role else {}
    effects = {
        statement["Effect"]
        for statement in _listed(document.get("Statement"))
        if service in _listed(statement.get("Principal", {}).get("Service"))
        and "sts:AssumeRole" in _listed(statement.get("Action"))
        and iam_evaluator._conditions_met(statement.get("Condition", {}), context)
    }
    allowed = effects == {"Allow"}
    if not allowed:
        _record_denial(service, "sts:AssumeRole", role_arn)
    return allowed


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def refused(role_arn: str, actions: tuple[str, ...], resource: str) -> str:
    """The first of the actions that the role may not do, or nothing."""
    return next((action for action in actions if not role_allows(role_arn, action, resource)), "")


# --- record of refused calls -----------------------------------------------------------------------------------------

_FILE = "denied.log"
_LARGEST = 5_000_000

_denials = logging.getLogger("denials")


def _open_record() -> None:
    """Write to the emulator's folder from now on."""
    handler = RotatingFileHandler(Path(os.environ["ESTATE_AWS_FOLDER"]) / _FILE, maxBytes=_LARGEST, backupCount=1)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _denials.addHandler(handler)
    _denials.propagate = False


def _record_denial(principal: str, action: str, resource: str) -> None:
    """Note that `principal` (an ARN, or an AWS service) was refused an action on a resource."""
    _denials.warning(json.dumps({"time": time.time(), "principal": principal, "action": action, "resource": resource}))
