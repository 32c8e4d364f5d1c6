"""The account's quota of concurrent executions of Lambda, and the share that the estate sets aside.

Reserved and provisioned concurrency are taken from what functions without either share, of which AWS does not
let the last ones be taken: "decreases account's UnreservedConcurrentExecution below its minimum value of [10]".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from estate_tool.core.aws_errors import unless_forbidden, unless_not_found
from estate_tool.core.errors import UsageError
from foundation.catalog import CATALOG
from foundation.stack_files import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from compute.config import Provisioning
    from estate_tool.core.environment import Environment
    from foundation.model import Function

# Service Quotas of Lambda: "Concurrent executions", 1,000 by default, 10 in accounts that are new.
QUOTA_CODE = "L-B99A9384"
USUAL = 1000
UNRESERVED_MINIMUM = 10


@dataclass(frozen=True, kw_only=True)
class Quota:
    """The account's `limit`, its `unreserved` part, and the executions that the environment needs and already has."""

    limit: int
    unreserved: int
    needed: int
    held: int = 0

    @property
    def short(self) -> int:
        """Number of missing executions."""
        return max(0, self.needed - self.held - max(0, self.unreserved - UNRESERVED_MINIMUM))


def needed(provisioning: Provisioning, functions: Iterable[Function] = CATALOG.functions) -> int:
    """Return the executions that a rollout sets aside: reserved ones, and provisioned ones of other functions."""
    provisioned = max(provisioning.minimum, provisioning.peak_minimum) if provisioning.minimum else 0
    return sum(function.reserved_concurrency or (provisioned if function.critical else 0) for function in functions)


def read(environment: Environment) -> Quota:
    """Return the account's quota, as AWS reports it."""
    client = environment.client("lambda")
    account = client.get_account_settings()["AccountLimit"]
    quota = Quota(
        limit=int(account["ConcurrentExecutions"]),
        unreserved=int(account["UnreservedConcurrentExecutions"]),
        needed=needed(environment.configuration.compute.provisioning),
    )
    # Executions of what is rolled out are no longer among the unreserved; they are looked up only where it matters.
    return replace(quota, held=_held(environment, client)) if quota.short else quota


def require(environment: Environment, say: Callable[[str], None]) -> None:
    """Raise UsageError when the rollout does not fit into the account's quota.

    Where the credentials may not read it, report that and let the rollout find out.
    """
    if not needed(environment.configuration.compute.provisioning):
        return
    quota, forbidden = unless_forbidden(lambda: read(environment))
    if forbidden:
        say(f"the quota of concurrent executions is not checked: {forbidden}")
    if quota and quota.short:
        raise UsageError(f"{summary(quota)}; nothing was touched", hint(quota, environment))


def summary(quota: Quota) -> str:
    """Return the quota in a sentence."""
    room = f"room for the {quota.needed} that are set aside"
    if not quota.short:
        return f"{quota.limit} concurrent executions, {room}"
    return (
        f"the account has a quota of {quota.limit} concurrent executions, {quota.unreserved} of them unreserved, where "
        f"{UNRESERVED_MINIMUM} have to stay so: no {room}"
    )


def hint(quota: Quota, environment: Environment) -> str:
    """Return the request to AWS, and the configuration that does without until it is granted."""
    wanted = max(USUAL, quota.limit + quota.short)
    return (
        "ask AWS for more, which takes minutes to days:\n"
        f"aws service-quotas request-service-quota-increase --service-code lambda --quota-code {QUOTA_CODE} "
        f"--desired-value {wanted} --region {environment.configuration.region}\n"
        f"until then, roll out without provisioned concurrency: compute:provisionedMinimum: 0 in "
        f"{name_of(environment.name)}"
    )


def _held(environment: Environment, client: Any) -> int:
    """Return the concurrency that functions of the environment have reserved already."""
    from foundation.naming import ALIAS

    held = 0
    for function in CATALOG.functions:
        name = environment.names.function(function.name)
        if function.reserved_concurrency:
            held += _count(client.get_function_concurrency, "ReservedConcurrentExecutions", FunctionName=name)
        elif function.critical:
            key = "RequestedProvisionedConcurrentExecutions"
            held += _count(client.get_provisioned_concurrency_config, key, FunctionName=name, Qualifier=ALIAS)
    return held


def _count(call: Callable[..., Any], key: str, **parameters: str) -> int:
    answer = unless_not_found(lambda: call(**parameters)) or {}
    return int(answer.get(key) or 0)
