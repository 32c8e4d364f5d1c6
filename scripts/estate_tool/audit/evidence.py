"""Evidence of functions: reports in their logs, and use of their provisioned concurrency."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from estate_tool.core.aws_errors import unless_forbidden
from estate_tool.core.text import counted
from estate_tool.monitoring.metrics import series
from estate_tool.sizing import AUTO
from estate_tool.sizing.functions import AccountFunction
from estate_tool.sizing.sources import EvidenceRequest, gather

if TYPE_CHECKING:
    from collections.abc import Iterable

    from estate_tool.audit.collect import Collector
    from estate_tool.audit.model import Function
    from estate_tool.audit.reader import Reader
    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.metrics import Window
    from estate_tool.sizing.evidence import Evidence


def usage(collector: Collector, functions: Iterable[Function], window: Window) -> dict[str, Evidence]:
    """Return the evidence of each function's invocations by its name; functions without any are left out."""
    denied: list[ClientError] = []

    def one(function: Function) -> tuple[str, Evidence] | None:
        # Of an environment, evidence of a function outside the estate takes the clients alone.
        clients = cast("Environment", collector.reader)
        request = EvidenceRequest(
            environment=clients, function=account_function(function), window=window, progress=lambda _: None
        )
        found, forbidden = unless_forbidden(lambda: gather(AUTO, request))
        denied.extend([forbidden] if forbidden else [])
        return (function.name, found) if found else None

    found = dict(collector.each("logs", functions, one))
    if denied:
        collector.unread.append(f"logs of {counted(len(denied), 'function')}: {denied[0]}")
    return found


def account_function(function: Function) -> AccountFunction:
    """Return a function as the sources of evidence take it."""
    return AccountFunction(
        name=function.name, memory_mb=function.memory_mb, log_group=function.log_group,
        architecture=function.architecture,
    )  # fmt: skip


def provisioned_use(
    collector: Collector, functions: Iterable[Function], window: Window
) -> dict[tuple[str, str], float]:
    """Return the peak share of provisioned concurrency that was in use, by function and qualifier; 0 without calls."""
    kept = [(function.name, qualifier) for function in functions for qualifier in function.provisioned]

    def one(alias: tuple[str, str]) -> tuple[tuple[str, str], float]:
        dimensions = {"FunctionName": alias[0], "Resource": f"{alias[0]}:{alias[1]}"}
        metric = ("AWS/Lambda", "ProvisionedConcurrencyUtilization")
        points = series(collector.reader.client("cloudwatch"), metric, dimensions, window, "Maximum").points
        return alias, float(max(points, default=0))

    return dict(collector.each("provisioned concurrency", kept, one))


def provisioned_floor(reader: Reader) -> dict[tuple[str, str], int]:
    """Return the minimum that Application Auto Scaling keeps provisioned, by function and qualifier."""
    targets = reader.pages(
        "application-autoscaling", "describe_scalable_targets", "ScalableTargets", ServiceNamespace="lambda"
    )
    named = [(target["ResourceId"].split(":"), int(target["MinCapacity"])) for target in targets]
    return {(parts[1], parts[2]): minimum for parts, minimum in named if len(parts) == 3}
