"""Grants of any AWS action: actions and ARNs, both named in full."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from foundation.naming import Arns
from foundation.problems import Problem

PLACEHOLDERS = ("partition", "region", "account", "suffix")
_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")
_ARN = re.compile(r"arn:[^:\s]+:[a-z0-9-]+:[^:\s]*:[^:\s]*:\S+")
_READS = ("BatchGet", "ConditionCheck", "Describe", "Get", "Head", "List", "Query", "Scan")
# ARNs of the estate's resources that a function can write to or call.
_OWN_RESOURCES = {
    "table": re.compile(r":dynamodb:[^:]*:[^:]*:table/table-(.+)-\{suffix\}"),
    "queue": re.compile(r":sqs:[^:]*:[^:]*:queue-(.+)-\{suffix\}"),
    "function": re.compile(r":lambda:[^:]*:[^:]*:function:lambda-(.+)-\{suffix\}"),
}


@dataclass(frozen=True, kw_only=True)
class ActionGrant:
    """Actions on resources outside of the catalog, such as `ses:SendEmail` on the ARN of an identity.

    ARNs may contain {partition}, {region}, {account} and {suffix}. Actions, services, regions and accounts have no
    wildcards; a resource has one only below its whole name (`bucket-{suffix}/*`).
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]


def fill(template: str, arns: Arns) -> str:
    """Return a text of the catalog with its placeholders replaced by the environment's values."""
    values = {
        "partition": arns.partition, "region": arns.region, "account": arns.account, "suffix": arns.names.suffix,
    }  # fmt: skip
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)


def statements(grants: Iterable[ActionGrant], arns: Arns) -> Iterator[dict[str, Any]]:
    """Yield a statement for each resource of each grant, numbered by service."""
    count: dict[str, int] = {}
    for grant in grants:
        for resource in grant.resources:
            arn = fill(resource, arns)
            service = "".join(part.capitalize() for part in arn.split(":")[2].split("-"))
            count[service] = count.get(service, 0) + 1
            yield {
                "Sid": f"Call{service}{count[service]}",
                "Effect": "Allow",
                "Action": sorted(grant.actions),
                "Resource": arn,
            }


def problems(where: str, grants: Iterable[ActionGrant]) -> Iterator[Problem]:
    """Yield all problems of a function's grants."""
    seen: set[tuple[str, str]] = set()
    for grant in grants:
        if not grant.actions:
            yield Problem(where=f"{where} grant actions", value=grant.actions, allowed="at least one action")
        if not grant.resources:
            yield Problem(where=f"{where} grant resources", value=grant.resources, allowed="at least one ARN")
        for action in grant.actions:
            yield from _action(f"{where} grant actions", action)
        for resource in grant.resources:
            yield from _resource(f"{where} grant resources", resource)
            for pair in ((action, resource) for action in grant.actions):
                if pair in seen:
                    yield Problem(where=f"{where} grants", value=" on ".join(pair), allowed="each permission once")
                seen.add(pair)


def _action(where: str, action: str) -> Iterator[Problem]:
    if "*" in action or "?" in action:
        allowed = "actions named in full, without wildcards; every one that is needed for itself"
        yield Problem(where=where, value=action, allowed=allowed)
    elif not _ACTION.fullmatch(action):
        yield Problem(where=where, value=action, allowed="a service and its action, such as ses:SendEmail")


def _resource(where: str, resource: str) -> Iterator[Problem]:
    if unknown := unknown_placeholders(resource):
        allowed = f"the placeholders {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}, not {unknown}"
        yield Problem(where=where, value=resource, allowed=allowed)
    elif ("*" in resource or "?" in resource) and not is_scoped(resource):
        allowed = "an ARN that names one resource; a wildcard stands only below its whole name, as in bucket/*"
        yield Problem(where=where, value=resource, allowed=allowed)
    elif not _ARN.fullmatch(resource):
        allowed = "an ARN, such as arn:{partition}:ses:{region}:{account}:identity/example.com"
        yield Problem(where=where, value=resource, allowed=allowed)


def unknown_placeholders(text: str, known: tuple[str, ...] = PLACEHOLDERS) -> str:
    """Return the first unknown placeholder or unbalanced brace; empty if there is none."""
    rest = re.sub(rf"\{{({'|'.join(known)})\}}", "", text)
    found = re.search(r"\{[^{}]*\}|[{}]", rest)
    return found[0] if found else ""


def written_resources(grant: ActionGrant) -> Iterator[str]:
    """Yield the tables, queues and functions of the estate that the grant lets its function write to or call."""
    if all(action.split(":")[-1].startswith(_READS) for action in grant.actions):
        return
    for resource in grant.resources:
        for kind, form in _OWN_RESOURCES.items():
            if found := form.search(resource):
                yield f"{kind} {found[1]}"


# Services whose ARNs begin with the resource's name; those of all others begin with its type.
_WITHOUT_TYPE = {"execute-api", "s3", "sns", "sqs"}
# Secrets Manager ends every ARN in a hyphen and six characters of its own ("Secrets Manager secret ARN").
_OF_SECRET = re.compile(r"secret:[^*?]+-\?{6}")


def is_scoped(arn: str) -> bool:
    """True if an ARN names one resource: a wildcard, if any, is in a part of its own below the whole name."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or any("*" in part or "?" in part for part in parts[:5]):
        return False
    service, resource = parts[2], parts[5]
    fixed, wildcard = re.match(r"([^*?]*)([*?]?)", resource).groups()  # pyright: ignore[reportOptionalMemberAccess]
    if not wildcard:
        return bool(resource)
    if service == "iam":
        return False  # a path matches every role below it
    if service == "secretsmanager" and _OF_SECRET.fullmatch(resource):
        return True
    # A log group's name has slashes.
    names = re.split(":" if service == "logs" else "[:/]", fixed)[:-1]
    return len([name for name in names if name]) > (0 if service in _WITHOUT_TYPE else 1)
