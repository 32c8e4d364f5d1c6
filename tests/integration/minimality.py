"""Proof that each permission of a function's role is needed: without it, a behaviour has to fail.

`make permissions` (python -m tests.integration.minimality) proves all of them and writes docs/permissions.md.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from estate_tool.core.paths import ROOT
from foundation.catalog import CATALOG
from foundation.naming import Arns
from foundation.policies import execution_policy
from tests.integration.behaviours import BEHAVIOURS, Behaviour, Estate, label
from tests.support.waiting import PAUSE, expect_soon

DOCUMENT = ROOT / "docs" / "permissions.md"
Policy = dict[str, Any]
# A change of a policy takes a moment to reach event source mappings and the like, here as on AWS.
_SPREAD = 5.0
_LONGEST = 60.0


class Permission(NamedTuple):
    """One action on one resource, the latter named without account and suffix."""

    function: str
    sid: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.function}: {self.action} on {self.resource}"


@dataclass
class Findings:
    """Findings of the examination of one role's policy."""

    proven: dict[Permission, list[str]] = field(default_factory=dict[Permission, list[str]])
    """Permission → the behaviours that fail without it."""
    unneeded: list[Permission] = field(default_factory=list[Permission])
    """Nothing fails without these."""
    missing: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """(action, resource) pairs that were denied under the policy as it is."""


def permissions(function: str, policy: Policy, arns: Arns) -> list[Permission]:
    """Return every action and resource of a policy; without keys, whose use the embedded AWS does not check."""
    return [
        Permission(function, item["Sid"], action, label(item["Resource"], arns))
        for item in policy["Statement"]
        for action in item["Action"]
        if action != "kms:Decrypt"
    ]


def without(policy: Policy, permission: Permission) -> Policy:
    """Return the policy without one action."""
    statements = [
        item | {"Action": [action for action in item["Action"] if (item["Sid"], action) != permission[1:3]]}
        for item in policy["Statement"]
    ]
    return policy | {"Statement": [item for item in statements if item["Action"]]}


def needing(permission: Permission) -> list[Behaviour]:
    """Return the behaviours that need a permission by the table."""
    return [
        behaviour
        for behaviour in BEHAVIOURS
        if behaviour.function == permission.function
        and permission.action in behaviour.needs.get(permission.resource, ())
    ]


class Prover:
    """Examines policies by attaching them to the roles of a running environment."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def examine(self, function: str, policy: Policy) -> Findings:
        """Return missing permissions of the function under a policy or, when there are none, unneeded ones.

        The role has its declared policy again afterwards.
        """
        found = Findings()
        try:
            found.missing = self._missing(function, policy)
            for permission in [] if found.missing else permissions(function, policy, self._estate.arns):
                failing = self._failing(permission, policy)
                if failing:
                    found.proven[permission] = failing
                else:
                    found.unneeded.append(permission)
        finally:
            self._give(function, self._declared(function))
        return found

    def _failing(self, permission: Permission, policy: Policy) -> list[str]:
        """Return the behaviours that fail without a permission; all are tried if none is known to need it."""
        self._give(permission.function, without(policy, permission))
        felt = time.monotonic() + _SPREAD
        tried = needing(permission) or [item for item in BEHAVIOURS if item.function == permission.function]
        return [item.name for item in tried if self._fails(item, permission.action, felt)]

    def _declared(self, function: str) -> Policy:
        (declared,) = [item for item in CATALOG.functions if item.name == function]
        return execution_policy(declared, self._estate.arns, CATALOG.secrets)

    def _give(self, function: str, policy: Policy) -> None:
        names = self._estate.names
        self._estate.aws.client("iam").put_role_policy(
            RoleName=names.role(function), PolicyName=names.of("policy", function), PolicyDocument=json.dumps(policy)
        )

    def _missing(self, function: str, policy: Policy) -> set[tuple[str, str]]:
        """Return the refused actions while everything the function does is tried."""
        self._give(function, policy)
        mark = self._estate.aws.denials_recorded()
        conditions = [(item, item.start(self._estate)) for item in BEHAVIOURS if item.function == function]
        for behaviour, met in conditions:
            known = {action for actions in behaviour.needs.values() for action in actions}
            try:
                expect_soon(
                    lambda met=met, known=known: met() or known & {pair[0] for pair in self._refused(function, mark)},
                    f"{function}: {behaviour.name}",
                    _LONGEST,
                )
            except AssertionError:
                # It failed for want of something that the table does not know of.
                if not self._refused(function, mark):
                    raise
        return self._refused(function, mark)

    def _fails(self, behaviour: Behaviour, action: str, felt: float) -> bool:
        """True if the behaviour is refused the action and does not come about, twice in a row.

        What begins before the policy is felt everywhere, at the time `felt`, may still come about.
        """
        failures = 0
        while failures < 2:
            begun = time.monotonic()
            failures = 0 if self._comes_about(behaviour, action) else failures + 1
            if not failures and begun > felt:
                return False
        return True

    def _comes_about(self, behaviour: Behaviour, action: str) -> bool:
        """True if the behaviour comes about before its function is refused the action."""
        mark = self._estate.aws.denials_recorded()
        met = behaviour.start(self._estate)
        longest = time.monotonic() + _LONGEST
        while not met():
            if action in {refused for refused, _ in self._refused(behaviour.function, mark)}:
                return False
            assert time.monotonic() < longest, f"{behaviour.name}: neither come about nor refused {action}"
            time.sleep(PAUSE)
        return True

    def _refused(self, function: str, since: int) -> set[tuple[str, str]]:
        """The (action, resource) pairs that the function's role was refused after a mark."""
        role = f":assumed-role/{self._estate.names.role(function)}/"
        return {
            (item["action"], label(item["resource"], self._estate.arns))
            for item in self._estate.aws.denials(since)
            if role in item["principal"]
        }


def prove(estate: Estate) -> dict[str, Findings]:
    """The declared policy of every function, examined side by side."""
    with ThreadPoolExecutor() as pool:
        examined = {
            function.name: pool.submit(
                Prover(estate).examine, function.name, execution_policy(function, estate.arns, CATALOG.secrets)
            )
            for function in CATALOG.functions
        }
        return {name: future.result() for name, future in examined.items()}


def main() -> int:
    """Prove every permission in an embedded AWS of its own; with all of them proven, write the document."""
    from tests.integration.commands import Commands
    from tests.integration.conftest import running
    from tests.integration.permissions_document import render

    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as aws:
        Commands.on(aws)("scripts/deploy_all.sh", "--skip-preview")
        findings = prove(Estate(aws))
    for found in findings.values():
        for permission in found.unneeded:
            print(f"unneeded: {permission}", file=sys.stderr)
        for action, resource in sorted(found.missing):
            print(f"missing: {action} on {resource}", file=sys.stderr)
    if any(found.unneeded or found.missing for found in findings.values()):
        return 1
    DOCUMENT.write_text(render({pair: names for found in findings.values() for pair, names in found.proven.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
