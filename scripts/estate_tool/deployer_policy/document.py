"""The IAM policy that a deployer needs, from what their programs would register."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from estate_tool.core.resource_types import RESOURCE_TYPES
from estate_tool.core.resource_types.model import function_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from estate_tool.core.resource_types.model import Needs
    from estate_tool.engine.dry_run import AccountContext, Planned

# Kinds of names (`foundation/naming.py`) of which there is one for each function, table or queue.
_KINDS = "lambda|role|table|queue|dlq|topic|schedule"

# "IAM and AWS STS quotas": a managed policy, without white space. A role takes ten of them, more on request.
MANAGED_CHARACTERS = 6_144

# A group of statements that differ only in their resources: service, actions, conditions.
_Group = tuple[str, tuple[str, ...], str]


@dataclass(frozen=True, kw_only=True)
class Unscoped:
    """Actions that had to be allowed on everything, and why."""

    actions: tuple[str, ...]
    reason: str


def arn(type_: str, inputs: Mapping[str, Any], place: AccountContext) -> str:
    """Return a resource's ARN, derived from its name; a placeholder for a type that nothing refers to by ARN."""
    known = RESOURCE_TYPES.get(type_)
    return ((known and known.arn) or "arn:unused").format_map(_values(inputs, place, ""))


def policy(resources: Iterable[Planned], place: AccountContext, suffix: str) -> dict[str, Any]:
    """Return the document that allows making, reading, changing, tagging and removing what is of a known type.

    Resources are named by kind and suffix (`lambda-*-dev`), so that the document is the same for three functions and
    for three hundred. The names of an environment whose suffix ends in `-SUFFIX` fit as well: its tags keep it apart.
    """
    groups: dict[_Group, set[str]] = defaultdict(set)
    for resource in resources:
        known = _values(resource.inputs, place, suffix)
        for needs in _needs(resource.type):
            when = json.dumps(_filled(needs.when, known, suffix), sort_keys=True)
            groups[(*_actions(needs), when)] |= {_by_suffix(each.format_map(known), suffix) for each in needs.on}
    merged = sorted(_of_same_resources(_together(groups)))
    wide = sorted(f"{service}:{name}" for (service, names, when), on in merged if _is_wide(when, on) for name in names)
    scoped = [(group, on) for group, on in merged if not _is_wide(group[2], on)]
    statements = [_statement(*each) for each in scoped]
    if wide:
        statements.append({"Sid": "Unscoped", "Effect": "Allow", "Action": wide, "Resource": "*"})
    return {"Version": "2012-10-17", "Statement": [*statements, _not_of_another(suffix)]}


def managed(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the policy as managed policies, none larger than IAM takes; each denies what the whole one denies.

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


def _is_wide(when: str, on: list[str]) -> bool:
    """Return True for a group that is allowed on every resource without a condition; one statement holds all."""
    return on == ["*"] and not json.loads(when)


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
    """Deny what is tagged as another environment's, wherever AWS compares the tags of what is acted on."""
    tag = "aws:ResourceTag/Environment"
    condition = {"StringNotEquals": {tag: suffix}, "Null": {tag: "false"}}
    return {"Sid": "NotOfAnother", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}


def _together(groups: Mapping[_Group, set[str]]) -> Iterator[tuple[_Group, set[str]]]:
    """Return the groups, those in one that differ only in the values of their conditions."""
    alike: dict[tuple[Any, ...], list[_Group]] = defaultdict(list)
    for group in sorted(groups):
        tests = json.loads(group[2])
        keys = json.dumps({test: sorted(keys) for test, keys in tests.items()})
        alike[(*group[:2], keys, *sorted(groups[group]))].append(group)
    for same in alike.values():
        merged: dict[str, dict[str, list[str]]] = {}
        for group in same:
            for test, keys in json.loads(group[2]).items():
                for key, given in keys.items():
                    values = merged.setdefault(test, {}).setdefault(key, [])
                    values += [value for value in given if value not in values]
        yield (*same[0][:2], json.dumps(merged)), groups[same[0]]


def _of_same_resources(groups: Iterable[tuple[_Group, set[str]]]) -> Iterator[tuple[_Group, list[str]]]:
    """Return the groups, those in one that differ only in their actions."""
    actions: dict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    for (service, names, when), on in groups:
        actions[(service, when, tuple(sorted(on)))] |= set(names)
    for (service, when, on), names in actions.items():
        yield (service, tuple(sorted(names)), when), list(on)


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


def _statement(group: _Group, on: list[str]) -> dict[str, Any]:
    service, actions, when = group
    conditions = json.loads(when)
    statement = {
        "Effect": "Allow", "Action": [f"{service}:{action}" for action in actions],
        "Resource": "*" if on == ["*"] else on,
    }  # fmt: skip
    return statement | ({"Condition": conditions} if conditions else {})


def _filled(when: Mapping[str, Mapping[str, str]], known: Mapping[str, str], suffix: str) -> dict[str, Any]:
    return {
        test: {key: [_by_suffix(each, suffix) for each in text.format_map(known).split()] for key, text in keys.items()}
        for test, keys in when.items()
    }


def _values(inputs: Mapping[str, Any], place: AccountContext, suffix: str) -> dict[str, str]:
    """Return the values that templates can name: the place, text inputs, and parts of ARNs and URLs."""
    known = {key: value for key, value in inputs.items() if isinstance(value, str)}
    known |= {"partition": place.partition, "region": place.region, "account": place.account, "suffix": suffix}
    if queue := known.get("queueUrl"):
        known["queueName"] = queue.replace("/", ":").rpartition(":")[2]
    if role := (inputs.get("target") or {}).get("roleArn"):
        known["targetRoleArn"] = role
    if function := known.get("functionName"):
        name = function_name(function)
        known |= {"functionName": name, "functionArn": arn("aws:lambda/function:Function", {"name": name}, place)}
    return known
