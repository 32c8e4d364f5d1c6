"""Runs in the checkers' own environment: policies as JSON on stdin, what the checkers object to as JSON on stdout.

In: {name: {"kind": "identity" | "deployer" | "resource" | "trust", "document": {…}}}.
Out: [{"policy", "rule", "detail"}].
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import parliament
from cloudsplaining.scan.policy_document import PolicyDocument

# What cloudsplaining looks for, by the attribute that holds it: actions on anything, and what they could be used for.
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
    """What an identity may do without bounds, and what that could be abused for."""
    policy = PolicyDocument(document)
    for name in CLOUDSPLAINING:
        found = getattr(policy, name)
        if found:
            yield {"rule": f"cloudsplaining:{name}", "detail": str(found)}


def examine(kind: str, document: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Everything the checkers object to in one document."""
    identity = kind == "identity"
    yield from by_parliament(_about_the_role(document) if kind == "trust" else document, identity=identity)
    if identity:
        yield from by_cloudsplaining(document)


if __name__ == "__main__":
    policies = json.load(sys.stdin)
    # cloudsplaining prints remarks of its own.
    with contextlib.redirect_stdout(sys.stderr):
        found = [{"policy": name, **item} for name, policy in policies.items() for item in examine(**policy)]
    json.dump(found, sys.stdout)
