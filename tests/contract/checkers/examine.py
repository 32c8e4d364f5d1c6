"""Runs in the checkers' own environment: policies as JSON on stdin, what the checkers object to as JSON on stdout.

In: {name: {"kind": "identity" | "deployer" | "resource" | "trust", "document": {…}}}.
Out: [{"policy", "rule", "detail"}].
"""

import contextlib
import functools
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import parliament
from cloudsplaining.scan.policy_document import PolicyDocument
from policy_sentry.querying.actions import get_action_data

# Findings of cloudsplaining by their attribute: actions on any resource, and their possible abuse.
CLOUDSPLAINING = (
    "all_allowed_unrestricted_actions",
    "allows_data_exfiltration_actions",
    "allows_privilege_escalation",
    "contains_statement_using_not_action",
    "credentials_exposure",
    "infrastructure_modification",
    "permissions_management_without_constraints",
    "service_wildcard",
    "tagging_actions_without_constraints",
    "write_actions_without_constraints",
)


def by_parliament(document: dict[str, Any], *, identity: bool) -> Iterator[dict[str, str]]:
    """Actions, resources and conditions that do not exist or do not fit, and malformed documents."""
    # The community's checks are about what an identity could do with its permissions.
    analysed = parliament.analyze_policy_string(json.dumps(document), include_community_auditors=identity)
    for finding in analysed.findings:
        yield {"rule": f"parliament:{finding.issue}", "detail": str(finding.detail)}


def _about_the_role(document: dict[str, Any]) -> dict[str, Any]:
    """A trust policy with what it is about: the role it belongs to, which it does not name."""
    role = "arn:aws:iam::123456789012:role/its-own"
    return document | {"Statement": [{**statement, "Resource": role} for statement in document["Statement"]]}


def by_cloudsplaining(document: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Findings on an identity's unbounded permissions, and their abuse."""
    policy = PolicyDocument(document)
    for name in CLOUDSPLAINING:
        found = getattr(policy, name)
        if found:
            yield {"rule": f"cloudsplaining:{name}", "detail": str(found)}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _fits(arn: str, form: str) -> bool:
    """True if the ARN, which may hold `*`, has the form of the reference, in which `${Name}` stands for a part."""
    return _overlap(arn, re.sub(r"\$\{\w+\}", "*", form))


@functools.cache
def _overlap(one: str, other: str) -> bool:
    """True if some text matches both patterns; `*` stands for any text in both."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(other, one)
    return one[0] == other[0] and _overlap(one[1:], other[1:])


def by_policy_sentry(document: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Actions, ARNs and condition keys that AWS's Service Authorization Reference does not have together."""
    for statement in document["Statement"]:
        keys = [key for test in statement.get("Condition", {}).values() for key in test]
        for action in _listed(statement.get("Action")):
            # All actions, or all of a service, in statements that deny.
            if not action.endswith("*"):
                for rule, detail in _about(action, _listed(statement.get("Resource")), keys):
                    sid = statement.get("Sid", "")
                    yield {"rule": f"policy-sentry:{rule}", "detail": f"{sid} {action} {detail}"}


def _about(action: str, resources: list[str], keys: list[str]) -> Iterator[tuple[str, str]]:
    """Rules that one action breaks with these resources and condition keys."""
    service, _, name = action.partition(":")
    known = get_action_data(service, name)
    if not known:
        yield "UNKNOWN_ACTION", ""
        return
    rows = known[service]
    forms = [row["resource_arn_format"] for row in rows if row["resource_arn_format"] != "*"]
    narrow = [arn for arn in resources if arn != "*"]
    for arn in narrow:
        if forms and not any(_fits(arn, form) for form in forms):
            yield "RESOURCE_MISMATCH", arn
    if narrow and not forms:
        yield "NO_RESOURCE_TYPE", narrow[0]
    # Some keys name a tag behind a slash: aws:RequestTag/${TagKey}. Those of aws: are for every service.
    listed = {key.split("$")[0].lower() for row in rows for key in row["condition_keys"]}
    for key in keys:
        if not key.startswith("aws:") and key.lower() not in listed:
            yield "UNKNOWN_CONDITION_KEY", key


def examine(kind: str, document: dict[str, Any]) -> Iterator[dict[str, str]]:
    """All findings of the checkers in one document."""
    identity = kind == "identity"
    yield from by_parliament(_about_the_role(document) if kind == "trust" else document, identity=identity)
    yield from by_policy_sentry(document)
    if identity:
        yield from by_cloudsplaining(document)


if __name__ == "__main__":
    policies = json.load(sys.stdin)
    # cloudsplaining prints remarks of its own.
    with contextlib.redirect_stdout(sys.stderr):
        found = [{"policy": name, **item} for name, policy in policies.items() for item in examine(**policy)]
    json.dump(found, sys.stdout)
