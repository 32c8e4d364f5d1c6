"""Permissions: the actions that requests need, and those of roles in whose name AWS acts."""

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
    """Return the function's ARN: a new function's name is in the body, an alias or version in the query."""
    if arn == "*" and path.rstrip("/").endswith("/functions"):
        name = iam_actions._safe_json_field(body, "FunctionName")
        return f"arn:aws:lambda:{region}:{account}:function:{name}" if name else arn
    qualifier = iam_actions._query_param(query, "Qualifier")
    return f"{arn}:{qualifier}" if qualifier and not arn.endswith(f":{qualifier}") else arn


def _of_schedule(arn: str, body: bytes, query: Any) -> str:
    """Return the schedule's ARN with its group, which is in the body or in the query."""
    group = iam_actions._safe_json_field(body, "GroupName") or iam_actions._query_param(query, "groupName")
    return arn.replace(":schedule/default/", f":schedule/{group}/") if group else arn


def apply() -> None:
    """Make the corrections."""
    _open_record()
    extract = iam_actions.extract_iam_action

    iam_actions._BOTOCORE_SERVICE_MAP["lambda"] = ["lambda"]

    def corrected(service: str, method: str, path: str, *more: Any, **named: Any) -> str | None:
        """Map SQS's batch operations to the actions for single messages, and Lambda's operations to their own."""
        if service == "lambda":
            query = more[2] if len(more) > 2 else named.get("query_params")
            operation = iam_actions._match_rest_action(service, method, path, query) or ""
            return f"lambda:{_LAMBDA_NAMES.get(operation, operation)}" if operation else None
        action: str | None = extract(service, method, path, *more, **named)
        return _BATCHES.get(action, action) if action else action

    resource = iam_actions.extract_resource_arn

    def with_arns(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> str:
        """Authorize reads of a stream on that stream, not on `*`.

        The same for the source queue of a move task, the tags of a table or topic, and functions with a qualifier.
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
        """Return the actions of a batch of statements: `PartiQLInsert` on the table for each INSERT, and so on."""
        if action != "dynamodb:BatchExecuteStatement":
            return list(checks(action, body, region, account))
        statements = (json.loads(body or b"{}") or {}).get("Statements") or []
        return list(dict.fromkeys(_needed_by(str(each.get("Statement")), region, account) for each in statements))

    iam_actions.dynamodb_transaction_checks = with_statements
    iam_actions.extract_iam_action = corrected
    iam_actions.extract_resource_arn = with_arns
    # AWS's own calls (deliveries, mappings) are over TLS; a request's header has its protocol, see `application`.
    iam_evaluator._request_origin = ContextVar("origin", default=("127.0.0.1", True))
    _record_denials()
    _check_topic_policies()
    _allow_the_administrator_every_role()


def _needed_by(statement: str, region: str, account: str) -> tuple[str, str]:
    """Return the action and the table of a PartiQL statement, all of them if it can't be parsed."""
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
    """Let the administrator assume every role, to try its permissions; on AWS the trust policy decides."""
    evaluate = iam_evaluator.evaluate_trust_policy

    def asked(document: Any, caller: str, *context: Any) -> bool:
        return caller.endswith(":root") or bool(evaluate(document, caller, *context))

    iam_evaluator.evaluate_trust_policy = asked


def _check_topic_policies() -> None:
    """Notify a topic of an alarm only if the topic's policy allows CloudWatch to publish for that alarm."""
    dispatch = cloudwatch._dispatch_alarm_actions

    def permitted(alarm: dict[str, Any], *change: Any) -> None:
        lists = {key: [item for item in alarm.get(key) or [] if _topic_allows(item, alarm)] for key in _ALARM_ACTIONS}
        dispatch(alarm | lists, *change)

    cloudwatch._dispatch_alarm_actions = permitted


def _topic_allows(action: str, alarm: dict[str, Any]) -> bool:
    service = "cloudwatch.amazonaws.com"
    allowed = action not in sns._topics or sns.topic_policy_allows(action, service, alarm["AlarmArn"], get_account_id())
    return _allowed(_context(service, "Service", "sns:Publish", action), allowed)


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Evaluate the role's policies and boundary, and the resource's policy; False if the role is deleted."""
    account, name = get_account_id(), role_arn.rpartition("/")[2]
    context = _context(f"arn:aws:sts::{account}:assumed-role/{name}/lambda", "AssumedRole", action, resource)
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    result = iam_evaluator.evaluate(context, policies, *limits)
    found = iam_evaluator._resource_policy(action.partition(":")[0], resource)
    if found is not None:
        result = iam_evaluator.combine_resource_policy(result, context, *found, limits=limits)
    return _allowed(context, result.decision == "Allow")


def trusts(role_arn: str, service: str, source_arn: str) -> bool:
    """True if the role's trust policy lets an AWS service assume it for a resource of the account."""
    role = iam._roles.get(role_arn.rpartition("/")[2]) or {}
    source = {"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()}
    context = _context(service, "Service", "sts:AssumeRole", role_arn, service_context=source)
    # The evaluator of trust policies knows no services, the one of resource policies asks for a resource.
    statements = json.loads(role.get("AssumeRolePolicyDocument") or "{}").get("Statement") or []
    listed = statements if isinstance(statements, list) else [statements]
    policy = {"Statement": [statement | {"Resource": "*"} for statement in listed]}
    result = iam_evaluator.evaluate_resource_policy(policy, context, service=service)
    return _allowed(context, result.decision == "Allow")


def _context(principal: str, kind: str, action: str, resource: str, **more: Any) -> Any:
    return iam_evaluator.EvalContext(
        principal_arn=principal, principal_type=kind, principal_account=get_account_id(), action=action,
        resource_arn=resource, region=get_region(), **more,
    )  # fmt: skip


def _allowed(context: Any, allowed: bool) -> bool:
    if not allowed:
        _record_denial(context.principal_arn, context.action, context.resource_arn)
    return allowed


def refused(role_arn: str, actions: tuple[str, ...], resource: str) -> str:
    """Return the first action that the role is denied, "" if there is none."""
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
