"""Rules on permissions: actions, resources and principals of policy documents."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pulumi_policy import ResourceValidationArgs

from foundation.grants import is_scoped
from foundation.guardrails.documents import Statement, allowing, listed
from foundation.guardrails.properties import shown, text
from foundation.guardrails.rules import Findings, resource_rule

# Operators of conditions that are met only by the values given.
_EXACT = {"stringequals", "stringlike", "arnequals", "arnlike"}
# groupPolicyAttachment, rolePolicyAttachmentsExclusive, …
_MANAGED = re.compile(r"aws:iam/(group|user|role)?[pP]olicyAttachment(sExclusive)?:\w+")
# A role or user that may call a function through its URL.
_CALLER = re.compile(r"arn:[^:*?]+:iam::\d{12}:(role|user)/[^*?]+")
_PERMISSIONS = {"aws:lambda/layerVersionPermission:LayerVersionPermission", "aws:lambda/permission:Permission"}


def is_allowed(statement: Mapping[str, Any]) -> bool:
    """Return True if a role's policy may have this statement."""
    identity = Statement("identity", statement)
    return statement.get("Effect") == "Deny" or not [*_wildcards(identity), *_unscoped(identity)]


def _statements(args: ResourceValidationArgs, check: Callable[[Statement], Findings]) -> Findings:
    """Yield the findings of all allowing statements; a document that can't be read is one."""
    try:
        for statement in allowing(args.resource_type, args.props):
            yield from check(statement)
    except (ValueError, AttributeError) as error:
        yield f"a policy document that can't be read ({error})", "write it as JSON, with a list of statements"


@resource_rule("no-wildcard-actions", "Policies name every action they allow, in full.")
def _actions(args: ResourceValidationArgs) -> Findings:
    yield from _statements(args, _wildcards)
    action = text(args.props, "action")
    if args.resource_type in _PERMISSIONS and "*" in action:
        yield f"action {action!r}", "name the one action that is needed, in full"
    managed = args.props.get("managedPolicyArns")
    if _MANAGED.fullmatch(args.resource_type) or (isinstance(managed, list) and managed):
        arns = shown(managed or args.props.get("policyArn"))
        yield f"a managed policy ({arns}), whose actions others decide", "grant what is needed in foundation/catalog.py"


def _wildcards(statement: Statement) -> Findings:
    for action in statement.all("Action"):
        if "*" in action or "?" in action:
            yield f"{action!r} in {statement.sid}", "name every action that is needed, each in full"
    if "NotAction" in statement.content:
        others = f"NotAction {shown(statement.content['NotAction'])}"
        yield f"{others} in {statement.sid}, which allows all other actions", "name the needed actions in Action"


@resource_rule("scoped-resources", "Roles may act on resources named in full, not on kinds of them.")
def _resources(args: ResourceValidationArgs) -> Findings:
    return _statements(args, _unscoped)


def _unscoped(statement: Statement) -> Findings:
    if statement.kind != "identity":
        return
    for arn in statement.all("Resource"):
        if not is_scoped(arn):
            fix = "name the resource; wildcards are only below a whole name (…/table-events-dev/stream/*)"
            yield f"{arn!r} in {statement.sid}", fix
    if "NotResource" in statement.content or not statement.all("Resource"):
        yield f"{statement.sid} without Resource", "name the resources in Resource"


@resource_rule(
    "no-foreign-principals",
    "No principal outside of the account is allowed, and services only on behalf of resources in it.",
)
def _principals(args: ResourceValidationArgs) -> Findings:
    yield from _statements(args, _foreign)
    kind = args.props.get("authorizationType")
    if args.resource_type == "aws:lambda/functionUrl:FunctionUrl" and kind != "AWS_IAM":
        yield f"authorizationType {shown(kind)}", "set it to AWS_IAM"
    if args.resource_type in _PERMISSIONS:
        yield from _permission(args.props)


def _foreign(statement: Statement) -> Findings:
    if statement.kind == "identity":
        return
    principal = statement.content.get("Principal")
    if "NotPrincipal" in statement.content or principal == "*":
        everybody = "everybody" if principal == "*" else "NotPrincipal"
        yield f"{everybody} as principal of {statement.sid}", "name the AWS service that is allowed"
        return
    for kind, names in (principal or {}).items():
        for name in listed(names):
            yield from _foreign_principal(statement, kind, name)


def _foreign_principal(statement: Statement, kind: str, name: str) -> Findings:
    own = {arn.split(":")[4] for arn in statement.all("Resource") if arn.count(":") >= 5}
    if kind == "Service" and "*" not in name:
        if statement.kind == "resource" and not _has_source_in(statement, own):
            fix = "add a condition that aws:SourceAccount, or the account in aws:SourceArn, is the resource's own"
            yield f"{name} as principal of {statement.sid} on behalf of any account, or of another", fix
    elif kind != "AWS" or not _accounts([name]) <= own:
        yield f"{kind} principal {name!r} in {statement.sid}", "name a service, or a role of the resource's own account"


def _has_source_in(statement: Statement, own: set[str]) -> bool:
    """Return True if one of the conditions, all of which must be met, restricts the statement to these accounts."""
    return any(
        key.lower() in ("aws:sourceaccount", "aws:sourcearn") and _accounts(listed(values)) <= own
        for operator, keys in (statement.content.get("Condition") or {}).items()
        if operator.lower() in _EXACT
        for key, values in keys.items()
    )


def _accounts(values: list[str]) -> set[str]:
    """Return the accounts of a list of accounts and ARNs; an ARN without one, as a bucket's, is of any account."""
    return {value.split(":")[4] if value.count(":") >= 5 else value for value in values}


def _permission(props: Mapping[str, Any]) -> Findings:
    principal = text(props, "principal")
    by_url = props.get("functionUrlAuthType") == "AWS_IAM" or props.get("invokedViaFunctionUrl")
    if by_url and _CALLER.fullmatch(principal):
        return  # rule own-invokers compares the caller's account with the functions'
    sourced = props.get("sourceArn") or props.get("sourceAccount")
    if principal and (not principal.endswith(".amazonaws.com") or not sourced):
        fix = "allow a service, with its resource in sourceArn or its account in sourceAccount"
        yield f"principal {principal!r} {'with' if sourced else 'without'} a source", fix
