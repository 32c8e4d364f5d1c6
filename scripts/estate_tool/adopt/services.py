"""Grants of adopted functions on other services: actions on ARNs, and secrets."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import product
from typing import TYPE_CHECKING

from estate_tool.adopt.model import Note
from estate_tool.adopt.usage import names
from estate_tool.audit.access import allowed, allows, matches, unqualified
from estate_tool.core.resource_types.model import arn as arn_template
from foundation.grants import ActionGrant, problems
from foundation.guardrails.documents import listed
from foundation.secrets import Secret, SecretGrant
from foundation.secrets import problems as secret_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from estate_tool.adopt.model import Declared, OldFunction

Permission = tuple[str, str]
_READ = {"ssm:getparameter", "secretsmanager:getsecretvalue"}
_PARAMETER = re.compile(r"parameter/([^*?]+)")
# The end of a secret's ARN is six characters of AWS's own, which policies leave open.
_SECRET = re.compile(r"secret:([^*?]+?)(?:-\?{6}|-\*|\*|-[A-Za-z0-9]{6})?")
# Every function is granted these, or has no use for them here; tracing and networks have notes of their own.
_BY_ITSELF = (
    "logs:createloggroup", "logs:createlogstream", "logs:putlogevents", "xray:*", "ec2:*networkinterface*",
    "ec2:assignprivateipaddresses", "ec2:unassignprivateipaddresses", "dynamodb:describestream", "dynamodb:getrecords",
    "dynamodb:getsharditerator", "dynamodb:liststreams",
)  # fmt: skip
_OF_INDEX = ("dynamodb:query", "dynamodb:scan", "dynamodb:partiqlselect")


def template(arn: str, old: OldFunction) -> str:
    """Return an ARN with placeholders where it has the partition, region and account of the function."""
    parts, mine = arn.split(":", 5), old.arn.split(":", 5)
    for position, name in ((1, "partition"), (3, "region"), (4, "account")):
        if len(parts) == 6 and parts[position] == mine[position]:
            parts[position] = f"{{{name}}}"
    return ":".join(parts)


def secrets(functions: Iterable[OldFunction]) -> dict[str, Secret]:
    """Return the secrets, as yet without names, that the functions may read, by the ARNs in their statements."""
    return {
        resource: found
        for old in functions
        for statement in allows(old.permissions)
        if not statement.get("Condition") and any(one.lower() in _READ for one in listed(statement.get("Action")))
        for resource in listed(statement.get("Resource"))
        if (found := _secret(resource, old))
    }


def _secret(arn: str, old: OldFunction) -> Secret | None:
    """Return the secret that an ARN names, None for one that names no single secret of the function's region."""
    parts, mine = arn.split(":", 5), old.arn.split(":")
    if len(parts) < 6 or parts[1:2] + parts[3:5] != mine[1:2] + mine[3:5]:
        return None
    found = Secret(name="")
    if parts[2] == "ssm" and (parameter := _PARAMETER.fullmatch(parts[5])):
        found = Secret(name="", parameter=f"/{parameter[1]}" if "/" in parameter[1] else parameter[1])
    elif parts[2] == "secretsmanager" and (kept := _SECRET.fullmatch(parts[5])):
        found = Secret(name="", secret=kept[1])
    return None if list(secret_problems([found])) else found


def grants(
    old: OldFunction, declared: Declared, known: set[str], indexed: set[str], notes: list[Note]
) -> tuple[set[Permission], tuple[SecretGrant, ...]]:
    """Return the actions and secrets that the role allows beyond tables and queues that the function uses (`known`).

    Of used tables with secondary indexes (`indexed`), it returns the permissions on the indexes of those that stay.
    Statements that name neither actions nor resources, or have conditions, go to `notes`.
    """
    granted: dict[Permission | SecretGrant, None] = {}
    for statement in allows(old.permissions):
        refused: dict[str, set[str]] = defaultdict(set)
        for action, resource in product(_named(statement, "Action"), _named(statement, "Resource")):
            if _is_by_itself(action):
                continue
            index = _is_of_index(action, resource, indexed)
            if _is_store(action) and _covers(resource, known) and not index:
                notes += _conditional(old, statement, action, resource)
            elif statement.get("Condition") or not (found := _granted(old, declared, action, resource, index)):
                refused[resource].add(action)
            elif old.permissions and allowed(old.permissions, resource, [action]):
                granted[found] = None
        notes += _refused(old, statement, refused)
    read = tuple(one for one in granted if isinstance(one, SecretGrant))
    return {one for one in granted if not isinstance(one, SecretGrant)}, read


def _named(statement: Mapping[str, Any], key: str) -> list[str]:
    return [*listed(statement.get(key)), *(f"all but {one}" for one in listed(statement.get(f"Not{key}")))]


def _is_by_itself(action: str) -> bool:
    # A wildcard for logs stands for the three actions that every function has.
    return action.lower() == "logs:*" or any(matches(action.lower(), pattern) for pattern in _BY_ITSELF)


def _is_store(action: str) -> bool:
    return action.lower().startswith(("dynamodb:", "sqs:"))


def _covers(pattern: str, known: set[str]) -> bool:
    """True for a resource, or a pattern of it, that the function is known to use."""
    below = pattern.partition("/index/")[0].partition("/stream/")[0]
    return any(matches(arn, below) for arn in known)


def _is_of_index(action: str, resource: str, indexed: set[str]) -> bool:
    """True if a statement names an operation of indexes, on an index of one of these tables."""
    return (action.lower() in _OF_INDEX or "*" in action) and "/index/" in resource and _covers(resource, indexed)


def _granted(
    old: OldFunction, declared: Declared, action: str, resource: str, index: bool
) -> Permission | SecretGrant | None:  # fmt: skip
    """Return the grant for an action and a resource; None where it is not the function's own, or not named in full."""
    if resource.partition("/index/")[0] in declared.tables if index else not _is_own(old, action, resource):
        return None
    if action.lower() in _READ and resource in declared.secrets:
        return SecretGrant(secret=declared.secrets[resource].name)
    if function := declared.functions.get(unqualified(resource)):
        resource = arn_template("lambda", f"function:lambda-{function}-{{suffix}}:live")
    pair = action, template(resource, old)
    return None if list(problems("", [ActionGrant(actions=pair[:1], resources=pair[1:])])) else pair


def _is_own(old: OldFunction, action: str, resource: str) -> bool:
    """True if a resource can be taken for the function's own: not of a role that others have, unless it names it.

    Tables and queues of its account would be known to be used.
    """
    parts, mine = resource.split(":", 5), old.arn.split(":")
    if _is_store(action) and parts[3:5] == mine[3:5]:
        return False
    return len(old.shared_role) == 1 or names(old, resource, *re.split(r"[:/]", parts[-1]))


def _conditional(old: OldFunction, statement: Mapping[str, Any], action: str, resource: str) -> Iterator[Note]:
    if statement.get("Condition"):
        found = f"{action} on {resource} with a condition"
        yield Note("differs", old.name, "grant", found, "grants have no conditions", "the function may do it always")


def _refused(old: OldFunction, statement: Mapping[str, Any], refused: Mapping[str, set[str]]) -> Iterator[Note]:
    condition, reason = "", "grants name each action, and each resource that the function is known to use"
    if statement.get("Condition"):
        condition, reason = " with a condition", "grants have no conditions"
    for actions, resources in _together(refused):
        text = f"{', '.join(actions)} on {', '.join(resources)}{condition}"
        yield Note("missing", old.name, "grant", text, reason, "an ActionGrant: docs/what-functions-need.md")


def _together(by_resource: Mapping[str, set[str]]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Return actions with the resources that all of them are for."""
    together: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for resource, actions in by_resource.items():
        together[tuple(sorted(actions))].append(resource)
    return list(together.items())


def grouped(permissions: Iterable[Permission]) -> Iterator[ActionGrant]:
    """Yield grants that hold each permission once: resources with the same actions together."""
    by_resource: dict[str, set[str]] = defaultdict(set)
    for action, resource in permissions:
        by_resource[resource].add(action)
    for actions, resources in sorted(_together(by_resource)):
        yield ActionGrant(actions=actions, resources=tuple(sorted(resources)))
