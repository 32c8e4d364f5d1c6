"""Rules on who may do what: actions, resources and principals of policy documents."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy

from foundation.grants import is_scoped
from foundation.guardrails.documents import Statement, allowing, listed
from foundation.guardrails.reading import shown, text, violation

# Operators under which a condition holds only for the values given.
_ONLY = {"stringequals", "stringlike", "arnequals", "arnlike"}
# groupPolicyAttachment, rolePolicyAttachmentsExclusive, …
_MANAGED = re.compile(r"aws:iam/(group|user|role)?[pP]olicyAttachment(sExclusive)?:\w+")
# A role or user, who may call a function through its address.
_CALLER = re.compile(r"arn:[^:*?]+:iam::\d{12}:(role|user)/[^*?]+")
_PERMISSIONS = {"aws:lambda/layerVersionPermission:LayerVersionPermission", "aws:lambda/permission:Permission"}

# Takes what was found and how to fix it.
Breach = Callable[[str, str], None]
Check = Callable[[Statement, Breach], None]


def is_allowed(statement: Mapping[str, Any]) -> bool:
    """Return True if a role's policy may have this statement."""
    found: list[str] = []
    for check in (_actions, _resources) if statement.get("Effect") != "Deny" else ():
        check(Statement("identity", statement), lambda what, _fix: found.append(what))
    return not found


def _each(check: Check) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    """Return a check of allowing statements as one of resources; a document that can't be read is a violation."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        breach = partial(violation, report, args)
        try:
            for statement in allowing(args.resource_type, args.props):
                check(statement, breach)
        except (ValueError, AttributeError) as error:
            breach(f"a policy document that can't be read ({error})", "write it as JSON, with a list of statements")

    return validate


def _actions(statement: Statement, breach: Breach) -> None:
    for action in statement.all("Action"):
        if "*" in action or "?" in action:
            breach(f"{action!r} in {statement.sid}", "name every action that is needed, each in full")
    if "NotAction" in statement.content:
        others = f"NotAction {shown(statement.content['NotAction'])}"
        breach(
            f"{others} in {statement.sid}, which allows everything else", "name the actions that are needed in Action"
        )


def _permitted_action(args: ResourceValidationArgs, report: ReportViolation) -> None:
    action = text(args.props, "action")
    if args.resource_type in _PERMISSIONS and "*" in action:
        violation(report, args, f"action {action!r}", "name the one action that is needed, in full")


def _managed_policies(args: ResourceValidationArgs, report: ReportViolation) -> None:
    props = args.props
    managed = props.get("managedPolicyArns")
    if _MANAGED.fullmatch(args.resource_type) or (isinstance(managed, list) and managed):
        found = f"a managed policy ({shown(managed or props.get('policyArn'))}), whose actions are not ours"
        violation(report, args, found, "grant what is needed in foundation/catalog.py")


def _resources(statement: Statement, breach: Breach) -> None:
    if statement.kind != "identity":
        return
    for arn in statement.all("Resource"):
        if not is_scoped(arn):
            fix = "name the resource; wildcards stand only below a whole name (…/table-events-dev/stream/*)"
            breach(f"{arn!r} in {statement.sid}", fix)
    if "NotResource" in statement.content or not statement.all("Resource"):
        breach(f"{statement.sid} without Resource", "name the resources in Resource")


def _principals(statement: Statement, breach: Breach) -> None:
    if statement.kind == "identity":
        return
    principal = statement.content.get("Principal")
    if "NotPrincipal" in statement.content or principal == "*":
        anybody = "everybody" if principal == "*" else "NotPrincipal"
        breach(f"{anybody} as principal of {statement.sid}", "name the AWS service that is to be let in")
        return
    for kind, names in (principal or {}).items():
        for name in listed(names):
            _principal(statement, kind, name, breach)


def _principal(statement: Statement, kind: str, name: str, breach: Breach) -> None:
    own = {arn.split(":")[4] for arn in statement.all("Resource") if arn.count(":") >= 5}
    if kind == "Service" and "*" not in name:
        if statement.kind == "resource" and not _names_its_source(statement, own):
            breach(
                f"{name} as principal of {statement.sid} on behalf of any account, or of another",
                "add a condition that aws:SourceAccount, or the account in aws:SourceArn, is the resource's own",
            )
    elif kind != "AWS" or not _accounts([name]) <= own:
        fix = "name a service, or a role of the resource's own account"
        breach(f"{kind} principal {name!r} in {statement.sid}", fix)


def _names_its_source(statement: Statement, own: set[str]) -> bool:
    """Return True if one of the conditions, all of which have to hold, restricts the statement to these accounts."""
    for operator, keys in (statement.content.get("Condition") or {}).items():
        for key, values in keys.items() if operator.lower() in _ONLY else ():
            if key.lower() in ("aws:sourceaccount", "aws:sourcearn") and _accounts(listed(values)) <= own:
                return True
    return False


def _accounts(values: list[str]) -> set[str]:
    """Return the accounts of a list of accounts and ARNs; an ARN without one, as a bucket's, stands for any."""
    return {value.split(":")[4] if value.count(":") >= 5 else value for value in values}


def _function_url(args: ResourceValidationArgs, report: ReportViolation) -> None:
    kind = args.props.get("authorizationType")
    if args.resource_type == "aws:lambda/functionUrl:FunctionUrl" and kind != "AWS_IAM":
        violation(report, args, f"authorizationType {shown(kind)}", "set it to AWS_IAM")


def _permission(args: ResourceValidationArgs, report: ReportViolation) -> None:
    props = args.props
    principal = text(props, "principal")
    by_url = props.get("functionUrlAuthType") == "AWS_IAM" or props.get("invokedViaFunctionUrl")
    if args.resource_type not in _PERMISSIONS or (by_url and _CALLER.fullmatch(principal)):
        return  # rule own-invokers compares the caller's account with the functions'
    sourced = props.get("sourceArn") or props.get("sourceAccount")
    if principal and (not principal.endswith(".amazonaws.com") or not sourced):
        found = f"principal {principal!r} {'with' if sourced else 'without'} a source"
        violation(
            report, args, found, "let a service in, and name its resource in sourceArn or its account in sourceAccount"
        )


ACCESS_RULES = [
    ResourceValidationPolicy(
        "no-wildcard-actions",
        "Policies name every action they allow, in full.",
        [_each(_actions), _permitted_action, _managed_policies],
    ),
    ResourceValidationPolicy(
        "scoped-resources", "Roles may act on resources named in full, not on kinds of them.", _each(_resources)
    ),
    ResourceValidationPolicy(
        "no-foreign-principals",
        "No principal outside of the account is let in, and services only on behalf of resources in it.",
        [_each(_principals), _function_url, _permission],
    ),
]
