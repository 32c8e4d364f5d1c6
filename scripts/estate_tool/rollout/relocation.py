"""Refusal of rollouts that would make a deployed environment anew: under another suffix, account or region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from estate_tool.core.environment import Environment
    from estate_tool.engine.checkpoint import StackState

PAGE = "docs/moving.md"


def refuse_moved(environment: Environment, states: Mapping[str, StackState], account: str | None) -> None:
    """Raise UsageError when what is deployed has another suffix, account or region than what would be rolled out.

    `account` is that of the credentials; None leaves it out. Of an environment that was moved half-way by an older
    version of the tool, both ways are open.
    """
    resources = [one for state in states.values() for one in state.resources if str(one["type"]).startswith("aws:")]
    configuration = environment.configuration
    for what, deployed, wanted in (
        ("the suffix", _suffixes(resources), configuration.foundation.suffix),
        ("the account", _parts(resources, 4), account),
        ("the region", _parts(resources, 3), configuration.region),
    ):
        if wanted and deployed and wanted not in deployed:
            _refuse(environment.name, what, sorted(deployed), wanted, len(resources))


def _refuse(name: str, what: str, deployed: list[str], wanted: str, resources: int) -> None:
    raise UsageError(
        f"environment {name} is deployed with {what} {', '.join(deployed)}, and this rollout has {wanted}: it would "
        f"make all {resources} resources anew and destroy what they hold; nothing was touched",
        f"to leave it where it is, set {what} back to {deployed[0]}\nto move: a new environment, then its data: {PAGE}",
    )


def _suffixes(resources: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the suffixes of what is deployed, from its tag `Environment`."""
    tags = ((one.get("inputs") or {}).get("tags") for one in resources)
    return {str(each["Environment"]) for each in tags if isinstance(each, dict) and each.get("Environment")}


def _parts(resources: Iterable[Mapping[str, Any]], position: int) -> set[str]:
    """Return the parts at a position of the resources' ARNs: 3 is the region, 4 the account; global ones have none."""
    return {part for arn in _arns(resources) if (part := arn.split(":")[position])}


def _arns(resources: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for one in resources:
        arn = (one.get("outputs") or {}).get("arn")
        if isinstance(arn, str) and arn.startswith("arn:") and arn.count(":") >= 5:
            yield arn
