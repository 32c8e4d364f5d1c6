"""Rules on who may do what: actions, resources and principals of policy documents."""

import re
from collections.abc import Callable, Iterable, Iterator

from foundation.guardrails.documents import Statement, listed, statements
from foundation.guardrails.rules import Finding, Resource, Rule, shown
from foundation.scope import is_scoped

# Operators under which a condition holds only for the values given.
_ONLY = {"stringequals", "stringlike", "arnequals", "arnlike"}
_MANAGED = {
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
}


# A role or user, who may call a function through its address.
_CALLER = re.compile(r"arn:[^:*?]+:iam::\d{12}:(role|user)/[^*?]+")
_PERMISSIONS = {
    "aws:lambda/layerVersionPermission:LayerVersionPermission",
    "aws:lambda/permission:Permission",
}


def _each(check: Callable[[Resource, Statement], Iterator[Finding]]) -> Callable[[Resource], Iterable[Finding]]:
    """A check of single statements as one of resources; a document that can't be read is a finding."""

    def whole(resource: Resource) -> Iterator[Finding]:
        try:
            for statement in statements(resource):
                yield from check(resource, statement)
        except (ValueError, AttributeError) as error:
            found = f"a policy document that can't be read ({error})"
            yield Finding(resource=resource, found=found, fix="write it as JSON, with a list of statements")

    return whole


def _actions(resource: Resource, statement: Statement) -> Iterator[Finding]:
    if not statement.allows:
        return
    for action in statement.all("Action"):
        if "*" in action or "?" in action:
            yield Finding(
                resource=resource,
                found=f"{action!r} in {statement.sid}",
                fix="name every action that is needed, each in full",
            )
    if "NotAction" in statement.content:
        found = f"NotAction {shown(statement.content['NotAction'])} in {statement.sid}, which allows everything else"
        yield Finding(resource=resource, found=found, fix="name the actions that are needed in Action")


def _no_wildcard_actions(resource: Resource) -> Iterator[Finding]:
    yield from _each(_actions)(resource)
    if resource.type in _PERMISSIONS and "*" in resource.text("action"):
        found = f"action {resource.text('action')!r}"
        yield Finding(resource=resource, found=found, fix="name the one action that is needed, in full")
    managed = resource.props.get("managedPolicyArns")
    if resource.type in _MANAGED or (isinstance(managed, list) and managed):
        found = f"a managed policy ({shown(managed or resource.props.get('policyArn'))}), whose actions are not ours"
        yield Finding(resource=resource, found=found, fix="grant what is needed in foundation/catalog.py")


def _resources(resource: Resource, statement: Statement) -> Iterator[Finding]:
    if statement.kind != "identity" or not statement.allows:
        return
    for arn in statement.all("Resource"):
        if not is_scoped(arn):
            fix = "name the resource; wildcards stand only below a whole name (…/table-events-dev/stream/*)"
            yield Finding(resource=resource, found=f"{arn!r} in {statement.sid}", fix=fix)
    if "NotResource" in statement.content or not statement.all("Resource"):
        found = f"{statement.sid} without Resource"
        yield Finding(resource=resource, found=found, fix="name the resources in Resource")


def _principals(resource: Resource, statement: Statement) -> Iterator[Finding]:
    if statement.kind == "identity" or not statement.allows:
        return
    principal = statement.content.get("Principal")
    if "NotPrincipal" in statement.content or principal == "*":
        found = f"{'everybody' if principal == '*' else 'NotPrincipal'} as principal of {statement.sid}"
        yield Finding(resource=resource, found=found, fix="name the AWS service that is to be let in")
        return
    for kind, names in (principal or {}).items():
        for name in listed(names):
            yield from _principal(resource, statement, kind, name)


def _principal(resource: Resource, statement: Statement, kind: str, name: str) -> Iterator[Finding]:
    own = {arn.split(":")[4] for arn in statement.all("Resource") if arn.count(":") >= 5}
    if kind == "Service" and "*" not in name:
        if statement.kind == "resource" and not _names_its_source(statement, own):
            yield Finding(
                resource=resource,
                found=f"{name} as principal of {statement.sid} on behalf of any account, or of another",
                fix="add a condition that aws:SourceAccount, or the account in aws:SourceArn, is the resource's own",
            )
        return
    account = name.split(":")[4] if name.count(":") >= 5 else name
    if kind != "AWS" or account not in own:
        fix = "name a service, or a role of the resource's own account"
        yield Finding(resource=resource, found=f"{kind} principal {name!r} in {statement.sid}", fix=fix)


def _names_its_source(statement: Statement, own: set[str]) -> bool:
    """True if one of the conditions, all of which have to hold, lets nothing through but what the account does."""
    for operator, keys in (statement.content.get("Condition") or {}).items():
        for key, values in keys.items() if operator.lower() in _ONLY else ():
            if key.lower() in ("aws:sourceaccount", "aws:sourcearn") and _accounts(listed(values)) <= own:
                return True
    return False


def _accounts(values: list[str]) -> set[str]:
    """The accounts of a list of accounts and ARNs; what has none, as a bucket's ARN, stands for any."""
    return {value.split(":")[4] if value.count(":") >= 5 else value for value in values}


def _no_foreign_principals(resource: Resource) -> Iterator[Finding]:
    yield from _each(_principals)(resource)
    if resource.type == "aws:lambda/functionUrl:FunctionUrl" and resource.text("authorizationType") != "AWS_IAM":
        found = f"authorizationType {shown(resource.props.get('authorizationType'))}"
        yield Finding(resource=resource, found=found, fix="set it to AWS_IAM")
    if resource.type in _PERMISSIONS:
        yield from _permission(resource)


def _permission(resource: Resource) -> Iterator[Finding]:
    principal = resource.text("principal")
    by_url = resource.props.get("functionUrlAuthType") == "AWS_IAM" or resource.props.get("invokedViaFunctionUrl")
    if by_url and _CALLER.fullmatch(principal):
        return  # together.py holds its account against the functions'
    sourced = resource.props.get("sourceArn") or resource.props.get("sourceAccount")
    if principal and (not principal.endswith(".amazonaws.com") or not sourced):
        found = f"principal {principal!r} {'with' if sourced else 'without'} a source"
        fix = "let a service in, and name its resource in sourceArn or its account in sourceAccount"
        yield Finding(resource=resource, found=found, fix=fix)


ACCESS_RULES = (
    Rule(
        name="no-wildcard-actions",
        statement="Policies name every action they allow, in full.",
        check=_no_wildcard_actions,
    ),
    Rule(
        name="scoped-resources",
        statement="Roles may act on resources named in full, not on kinds of them.",
        check=_each(_resources),
    ),
    Rule(
        name="no-foreign-principals",
        statement="Nobody outside of the account is let in, and services only on behalf of resources in it.",
        check=_no_foreign_principals,
    ),
)
