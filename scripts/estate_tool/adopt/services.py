"""Grants of adopted functions on other services: actions on ARNs, and secrets."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from estate_tool.adopt.model import Note
from estate_tool.adopt.usage import BY_ITSELF, names
from estate_tool.audit.access import allowed, like
from estate_tool.core.resource_types.model import arn as arn_template
from foundation.grants import ActionGrant, problems
from foundation.guardrails.documents import listed
from foundation.secrets import Secret, SecretGrant
from foundation.secrets import problems as secret_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from estate_tool.adopt.model import Declared, OldFunction

_READ = {"ssm:getparameter", "secretsmanager:getsecretvalue"}
_PARAMETER = re.compile(r"parameter/([^*?]+)")
# The end of a secret's ARN is six characters of AWS's own, which policies leave open.
_SECRET = re.compile(r"secret:([^*?]+?)(?:-\?{6}|-\*|\*|-[A-Za-z0-9]{6})?")


def template(arn: str, old: OldFunction) -> str:
    """Return an ARN with placeholders where it has the partition, region and account of the function."""
    parts, mine = arn.split(":", 5), old.found.arn.split(":", 5)
    for place, name in ((1, "partition"), (3, "region"), (4, "account")):
        if len(parts) == 6 and parts[place] == mine[place]:
            parts[place] = f"{{{name}}}"
    return ":".join(parts)


def secret(arn: str, old: OldFunction) -> Secret | None:
    """Return the secret, as yet without a name, that an ARN of a statement names; None if it names no single one."""
    parts, mine = arn.split(":", 5), old.found.arn.split(":")
    if len(parts) < 6 or parts[1:2] + parts[3:5] != mine[1:2] + mine[3:5]:
        return None
    found = Secret(name="")
    if parts[2] == "ssm" and (parameter := _PARAMETER.fullmatch(parts[5])):
        found = Secret(name="", parameter=f"/{parameter[1]}" if "/" in parameter[1] else parameter[1])
    elif parts[2] == "secretsmanager" and (kept := _SECRET.fullmatch(parts[5])):
        found = Secret(name="", secret=kept[1])
    return None if list(secret_problems([found])) else found


def secrets(functions: Iterable[OldFunction]) -> dict[str, Secret]:
    """Return the secrets that the functions' roles may read, by the ARNs under which they do."""
    return {
        resource: found
        for old in functions
        for statement in _allows(old)
        if not statement.get("Condition") and any(one.lower() in _READ for one in listed(statement.get("Action")))
        for resource in listed(statement.get("Resource"))
        if (found := secret(resource, old))
    }


def _allows(old: OldFunction) -> Iterator[Mapping[str, Any]]:
    for _, statement in old.role.statements if old.role else ():
        if statement.get("Effect") == "Allow":
            yield statement


def grants(
    old: OldFunction, declared: Declared, known: set[str], indexed: set[str], notes: list[Note]
) -> tuple[set[tuple[str, str]], tuple[SecretGrant, ...]]:
    """Return what the role allows beyond tables and queues that the function uses (`known`): actions, secrets.

    Of used tables with secondary indexes (`indexed`), it returns what is allowed on the indexes of those that stay.

    Statements that name neither actions nor resources, or have conditions, go to `notes`.
    """
    permissions: set[tuple[str, str]] = set()
    read: dict[str, None] = {}
    for statement in _allows(old):
        actions = [one for one in listed(statement.get("Action")) if not _by_itself(one)]
        resources = listed(statement.get("Resource"))
        refused: dict[str, set[str]] = defaultdict(set)
        for action in (*actions, *(f"all but {one}" for one in listed(statement.get("NotAction")))):
            for resource in (*resources, *(f"all but {one}" for one in listed(statement.get("NotResource")))):
                index = _is_of_index(action, resource, indexed)
                if action.lower().startswith(("dynamodb:", "sqs:")) and _covers(resource, known) and not index:
                    _conditional(old, statement, action, resource, notes)
                elif statement.get("Condition") or not (
                    resource.partition("/index/")[0] not in declared.tables if index else _is_for(old, action, resource)
                ):
                    refused[resource].add(action)
                elif action.lower() in _READ and resource in declared.secrets:
                    read[declared.secrets[resource]] = None
                elif pair := _pair(old, declared, action, resource):
                    permissions |= {pair} if allowed_pair(old, action, resource) else set()
                else:
                    refused[resource].add(action)
        notes += _refused(old, statement, refused)
    return permissions, tuple(SecretGrant(secret=name) for name in read)


def _is_of_index(action: str, resource: str, indexed: set[str]) -> bool:
    """True if a statement names what indexes are for, on an index of one of these tables."""
    asks = action.lower() in ("dynamodb:query", "dynamodb:scan", "dynamodb:partiqlselect") or "*" in action
    return asks and "/index/" in resource and _covers(resource, indexed)


def allowed_pair(old: OldFunction, action: str, resource: str) -> bool:
    """True if no other statement of the role denies the action on the resource."""
    return old.role is not None and bool(allowed(old.role, resource, [action]))


def _is_for(old: OldFunction, action: str, resource: str) -> bool:
    """True if a resource can be taken for the function's own: not of a role that others have, unless it names it.

    Tables and queues of its account would be known to be used.
    """
    parts, mine = resource.split(":", 5), old.found.arn.split(":")
    if action.lower().startswith(("dynamodb:", "sqs:")) and parts[3:5] == mine[3:5]:
        return False
    return len(old.shared_role) == 1 or names(old, resource, *re.split(r"[:/]", parts[-1]))


def _pair(old: OldFunction, declared: Declared, action: str, resource: str) -> tuple[str, str] | None:
    """Return an action and its resource as the catalog takes them; None where one of them is not named in full."""
    function = ":".join(resource.split(":")[:7])
    if function in declared.functions:
        resource = arn_template("lambda", f"function:lambda-{declared.functions[function]}-{{suffix}}:live")
    pair = action, template(resource, old)
    return None if list(problems("", [ActionGrant(actions=pair[:1], resources=pair[1:])])) else pair


def _conditional(old: OldFunction, statement: Mapping[str, Any], action: str, resource: str, notes: list[Note]) -> None:
    if statement.get("Condition"):
        reason, instead = "grants have no conditions", "the function may do it always"
        notes.append(Note.differs(old.name, "grant", f"{action} on {resource} with a condition", reason, instead))


def _refused(old: OldFunction, statement: Mapping[str, Any], refused: Mapping[str, set[str]]) -> Iterator[Note]:
    by_actions: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for resource, actions in refused.items():
        by_actions[tuple(sorted(actions))].append(resource)
    for actions, resources in by_actions.items():
        text = f"{', '.join(actions)} on {', '.join(resources)}"
        if statement.get("Condition"):
            text, reason = f"{text} with a condition", "grants have no conditions"
        else:
            reason = "grants name each action, and each resource that the function is known to use"
        yield Note.missing(old.name, "grant", text, reason, "an ActionGrant: docs/what-functions-need.md")


def grouped(permissions: Iterable[tuple[str, str]]) -> Iterator[ActionGrant]:
    """Yield grants that hold each permission once: resources with the same actions together."""
    by_resource: dict[str, set[str]] = defaultdict(set)
    for action, resource in permissions:
        by_resource[resource].add(action)
    together: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for resource, actions in sorted(by_resource.items()):
        together[tuple(sorted(actions))].append(resource)
    for actions, resources in sorted(together.items()):
        yield ActionGrant(actions=actions, resources=tuple(resources))


def _by_itself(action: str) -> bool:
    # A wildcard for logs was meant for what every function does.
    return action.lower() == "logs:*" or any(like(action.lower(), pattern) for pattern in BY_ITSELF)


def _covers(pattern: str, known: set[str]) -> bool:
    """True for a resource, or a pattern of it, that the function is known to use."""
    below = pattern.partition("/index/")[0].partition("/stream/")[0]
    return any(like(arn, below) for arn in known)
