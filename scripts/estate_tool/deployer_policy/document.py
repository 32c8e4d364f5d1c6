"""The IAM policy that a deployer needs, from what their programs would register."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from estate_tool.core.resource_types import RESOURCE_TYPES
from estate_tool.core.resource_types.model import function_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from estate_tool.core.resource_types.model import Needs
    from estate_tool.engine.dry_run import AccountContext, Planned

# Kinds of names (`foundation/naming.py`) with one name for each function, table or queue.
_KINDS = "lambda|role|table|queue|dlq|topic|schedule"

# "IAM and AWS STS quotas": a managed policy, without white space. A role takes ten of them, more on request.
MANAGED_CHARACTERS = 6_144

_EVERYTHING = frozenset("*")


class _Grant(NamedTuple):
    """Actions of a service on ARNs, under conditions: test, key and allowed value."""

    service: str
    actions: frozenset[str]
    when: frozenset[tuple[str, str, str]]
    on: frozenset[str]

    @property
    def is_wide(self) -> bool:
        """True if it is for every resource, without a condition."""
        return self.on == _EVERYTHING and not self.when

    def statement(self) -> dict[str, Any]:
        """Return the statement of a policy."""
        conditions: dict[str, dict[str, list[str]]] = {}
        for test, key, value in sorted(self.when):
            conditions.setdefault(test, {}).setdefault(key, []).append(value)
        return {
            "Effect": "Allow", "Action": [f"{self.service}:{action}" for action in sorted(self.actions)],
            "Resource": "*" if self.on == _EVERYTHING else sorted(self.on),
            **({"Condition": conditions} if conditions else {}),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Unscoped:
    """Actions that had to be allowed on everything, and why."""

    actions: tuple[str, ...]
    reason: str


def arn(type_: str, inputs: Mapping[str, Any], account: AccountContext) -> str:
    """Return a resource's ARN, derived from its name; a placeholder for a type that nothing refers to by ARN."""
    known = RESOURCE_TYPES.get(type_)
    return ((known and known.arn) or "arn:unused").format_map(_values(inputs, account, ""))


def policy(resources: Iterable[Planned], account: AccountContext, suffix: str) -> dict[str, Any]:
    """Return the document that allows making, reading, changing, tagging and removing resources of known types.

    Resources are named by kind and suffix (`lambda-*-dev`), so that the document is the same for three functions and
    for three hundred. The names of an environment whose suffix ends in `-SUFFIX` fit as well: its tags keep it apart.
    """
    grants = _united([grant for each in resources for grant in _grants(each, account, suffix)], "on")
    grants = _united(grants, "when", alike=lambda grant: frozenset((test, key) for test, key, _ in grant.when))
    grants = sorted(_united(grants, "actions"), key=lambda grant: json.dumps(grant.statement()))
    wide = sorted(f"{grant.service}:{action}" for grant in grants if grant.is_wide for action in grant.actions)
    statements = [grant.statement() for grant in grants if not grant.is_wide]
    if wide:
        statements.append({"Sid": "Unscoped", "Effect": "Allow", "Action": wide, "Resource": "*"})
    return {"Version": "2012-10-17", "Statement": [*statements, _not_of_another(suffix)]}


def _grants(resource: Planned, account: AccountContext, suffix: str) -> Iterator[_Grant]:
    """Yield the grants that a deployer needs for a resource, by names that hold for all resources of its kind."""
    known = _values(resource.inputs, account, suffix)
    for needs in _needs(resource.type):
        service, actions = _actions(needs)
        tests = ((test, key, text) for test, keys in needs.when.items() for key, text in keys.items())
        when = {(test, key, one) for test, key, text in tests for one in text.format_map(known).split()}
        yield _Grant(
            service=service, actions=frozenset(actions),
            when=frozenset((test, key, _by_suffix(one, suffix)) for test, key, one in when),
            on=frozenset(_by_suffix(arn.format_map(known), suffix) for arn in needs.on),
        )  # fmt: skip


def _united(grants: Iterable[_Grant], part: str, *, alike: Callable[[_Grant], object] = lambda _: None) -> list[_Grant]:
    """Return the grants, those in one that differ in one part only, and are `alike` in that."""
    parts: dict[tuple[_Grant, object], set[Any]] = defaultdict(set)
    for grant in grants:
        parts[grant._replace(**{part: frozenset()}), alike(grant)] |= getattr(grant, part)
    return [rest._replace(**{part: frozenset(united)}) for (rest, _), united in parts.items()]


def managed(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the policy as managed policies, none larger than IAM takes; each with all its denials.

    No statement is too large for one: names are patterns, so their number grows with kinds of resources alone.
    """
    denying = [each for each in policy["Statement"] if each["Effect"] == "Deny"]
    allowing: list[list[dict[str, Any]]] = []
    for statement in (each for each in policy["Statement"] if each["Effect"] == "Allow"):
        if not allowing or size({**policy, "Statement": [*allowing[-1], statement, *denying]}) > MANAGED_CHARACTERS:
            allowing.append([])
        allowing[-1].append(statement)
    return [{**policy, "Statement": [*part, *denying]} for part in allowing]


def size(policy: Mapping[str, Any]) -> int:
    """Return a policy's characters as IAM counts them: without white space."""
    return len(json.dumps(policy, separators=(",", ":")))


def unknown(resources: Iterable[Planned]) -> list[str]:
    """Return the types whose permissions are unknown: those of resources of one's own."""
    return sorted({resource.type for resource in resources} - RESOURCE_TYPES.keys())


def _needs(type_: str) -> tuple[Needs, ...]:
    known = RESOURCE_TYPES.get(type_)
    return known.permissions if known else ()


def _by_suffix(arn: str, suffix: str) -> str:
    """Return the ARN with `*` for what stands between the kind and the suffix of a name."""
    return re.sub(rf"\b({_KINDS})-[a-z0-9-]+-{re.escape(suffix)}(?![a-z0-9])", rf"\1-*-{suffix}", arn)


def _not_of_another(suffix: str) -> dict[str, Any]:
    """Deny actions on resources tagged as another environment's, wherever AWS compares the tags of the resource."""
    tag = "aws:ResourceTag/Environment"
    condition = {"StringNotEquals": {tag: suffix}, "Null": {tag: "false"}}
    return {"Sid": "NotOfAnother", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}


def unscoped(resources: Iterable[Planned]) -> list[Unscoped]:
    """Return the actions that the policy allows on every resource."""
    every = (needs for item in resources for needs in _needs(item.type))
    wide = {needs.actions: needs for needs in every if needs.on == ("*",)}
    return [
        Unscoped(actions=tuple(f"{_actions(needs)[0]}:{action}" for action in _actions(needs)[1]), reason=needs.why)
        for _, needs in sorted(wide.items())
    ]


def _actions(needs: Needs) -> tuple[str, tuple[str, ...]]:
    service, _, names = needs.actions.partition(": ")
    return service, tuple(sorted(names.split()))


def _values(inputs: Mapping[str, Any], account: AccountContext, suffix: str) -> dict[str, str]:
    """Return the values that templates can name: the account, text inputs, and parts of ARNs and URLs."""
    known = {key: value for key, value in inputs.items() if isinstance(value, str)}
    known |= {"partition": account.partition, "region": account.region, "account": account.account, "suffix": suffix}
    if queue := known.get("queueUrl"):
        known["queueName"] = queue.replace("/", ":").rpartition(":")[2]
    if role := (inputs.get("target") or {}).get("roleArn"):
        known["targetRoleArn"] = role
    if function := known.get("functionName"):
        name = function_name(function)
        known |= {"functionName": name, "functionArn": arn("aws:lambda/function:Function", {"name": name}, account)}
    return known
