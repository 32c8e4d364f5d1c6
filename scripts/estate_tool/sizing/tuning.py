"""Runs of a function's copy at several sizes: their cost against their speed."""

from __future__ import annotations

import contextlib
import signal
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import WaiterError

from estate_tool.console.tables import Column, number, table
from estate_tool.core.errors import Failed
from estate_tool.events import invocation
from estate_tool.pricing.bill import cents
from estate_tool.sizing import report_lines
from estate_tool.sizing.recommendation import vcpus
from estate_tool.sizing.report import CPU_NOTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.pricing.prices import Prices
    from estate_tool.sizing.functions import AccountFunction
    from estate_tool.sizing.report_lines import Invocation

COPY_DESCRIPTION = "A copy that estate rightsize --tune runs at several sizes and deletes; nothing calls it."
_LONGEST_NAME = 64
# Settings of CreateFunction that a copy shares with its function: all but its name, memory and logs.
_COPIED = (
    "Role", "Runtime", "Handler", "Timeout", "Environment", "Architectures", "PackageType", "KMSKeyArn",
    "EphemeralStorage", "FileSystemConfigs", "TracingConfig",
)  # fmt: skip
_READY = {"Delay": 1, "MaxAttempts": 120}


@contextlib.contextmanager
def trial_copy(environment: Environment, client: Any, function: AccountFunction, memory_mb: int) -> Iterator[str]:
    """Create a copy of the function that nothing calls; delete it after the block, however that ends."""
    original = client.get_function(FunctionName=function.name)
    name = f"{function.name[: _LONGEST_NAME - len('-tune')]}-tune"
    _remove_left_over(client, name)
    try:
        client.create_function(
            FunctionName=name, Description=COPY_DESCRIPTION, MemorySize=memory_mb, Code=_code(original["Code"]),
            Publish=False, Tags=original.get("Tags") or {}, **_settings(original["Configuration"]),
        )  # fmt: skip
        yield name
    finally:
        with _without_interrupts(), contextlib.suppress(client.exceptions.ResourceNotFoundException):
            client.delete_function(FunctionName=name)
        logs = environment.client("logs")
        # Its role may make log groups; most may not, and nothing is logged then.
        with _without_interrupts(), contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            logs.delete_log_group(logGroupName=f"/aws/lambda/{name}")


def _remove_left_over(client: Any, name: str) -> None:
    """Delete the copy of a tuning that was killed; raise Failed for a function of that name that is no copy."""
    try:
        found = client.get_function_configuration(FunctionName=name)
    except client.exceptions.ResourceNotFoundException:
        return
    if found.get("Description") != COPY_DESCRIPTION:
        raise Failed(f"there is a function {name} already, which is no copy of ours", "rename or delete it first")
    client.delete_function(FunctionName=name)


def _code(code: Mapping[str, Any]) -> dict[str, Any]:
    if code.get("ImageUri"):
        return {"ImageUri": code["ImageUri"]}
    with urllib.request.urlopen(code["Location"], timeout=60) as archive:
        return {"ZipFile": archive.read()}


def _settings(configuration: Mapping[str, Any]) -> dict[str, Any]:
    copied = {key: configuration[key] for key in _COPIED if configuration.get(key)}
    if copied.get("Environment"):
        copied["Environment"] = {"Variables": copied["Environment"].get("Variables", {})}
    if layers := configuration.get("Layers"):
        copied["Layers"] = [layer["Arn"] for layer in layers]
    network = configuration.get("VpcConfig") or {}
    if network.get("SubnetIds"):
        copied["VpcConfig"] = {key: network[key] for key in ("SubnetIds", "SecurityGroupIds")}
    return copied


def _resize(client: Any, copy: str, memory_mb: int) -> None:
    """Give the copy another size; raise Failed when it does not become ready to be called."""
    try:
        client.get_waiter("function_active_v2").wait(FunctionName=copy, WaiterConfig=_READY)
        client.update_function_configuration(FunctionName=copy, MemorySize=memory_mb)
        client.get_waiter("function_updated_v2").wait(FunctionName=copy, WaiterConfig=_READY)
    except WaiterError as error:
        state: Mapping[str, Any] = error.last_response.get("Configuration") or {}
        why = state.get("StateReason") or state.get("LastUpdateStatusReason") or error
        raise Failed(f"the copy {copy} does not become ready: {why}") from error


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C in the block; threads other than the main one never get it."""
    try:
        # A function rather than SIG_IGN: SIGTERM calls the handler of SIGINT.
        before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True)
class Trial:
    """Runs at one size: average billed time of warm invocations, that of the first one, and the error of a failure."""

    memory_mb: int
    billed_ms: Decimal = Decimal(0)
    first_ms: Decimal = Decimal(0)
    used_mb: int = 0
    error: str | None = None

    def usd(self, prices: Prices, architecture: str) -> Decimal:
        """Return the cost of a million invocations, in US dollars."""
        duration = prices.duration_usd(architecture, self.memory_mb, 1_000_000 * self.billed_ms / 1000)
        return duration + 1_000_000 * prices[f"lambda_request_{architecture}"]


def run_trials(
    environment: Environment, function: AccountFunction, payload: bytes, sizes: Sequence[int], runs: int,
    progress: Callable[[str], None],
) -> list[Trial]:  # fmt: skip
    """Run a copy of the function at each size, `runs` times after a first, cold one; the copy is deleted in the end.

    The function itself, its versions and aliases are never touched. Raises Failed when it fails at every size.
    """
    client = invocation.client(environment)
    found = []
    with trial_copy(environment, client, function, sizes[0]) as copy:
        for memory_mb in sizes:
            _resize(client, copy, memory_mb)
            progress(f"{function.shown_name}: {memory_mb:,} MB, {runs + 1} invocations")
            found.append(_run(client, copy, payload, memory_mb, runs))
    if all(one.error for one in found):
        raise Failed(
            f"{function.shown_name} failed at every size: {found[-1].error}", "give a payload that it can process"
        )
    return found


def _run(client: Any, copy: str, payload: bytes, memory_mb: int, runs: int) -> Trial:
    seen: list[Invocation] = []
    for _ in range(runs + 1):
        answer = invocation.invoke(client, copy, payload, qualifier="$LATEST")
        if answer.error is not None:
            return Trial(memory_mb, error=answer.error)
        seen.append(_reported(answer.log))
    first, *further = (Decimal(str(one.billed_ms)) for one in seen)
    return Trial(memory_mb, sum(further, Decimal(0)) / runs, first, max(one.used_mb for one in seen))


def _reported(log: Sequence[str]) -> Invocation:
    for line in reversed(log):
        if (found := report_lines.parse(line)) is not None:
            return found
    raise Failed("Lambda did not report what an invocation took", "try again")


def best(found: Sequence[Trial], strategy: str, prices: Prices, architecture: str) -> Trial:
    """Return the size to choose: cheapest, fastest, or least by the sum of both, each as a share of the worst."""
    good = [one for one in found if one.error is None]
    usd = {one.memory_mb: one.usd(prices, architecture) for one in good}
    most_usd, most_ms = max(usd.values()), max(*(one.billed_ms for one in good), Decimal(1))
    rank: dict[str, Callable[[Trial], Any]] = {
        "cost": lambda one: (usd[one.memory_mb], one.billed_ms),
        "speed": lambda one: (one.billed_ms, usd[one.memory_mb]),
        "balanced": lambda one: (usd[one.memory_mb] / most_usd + one.billed_ms / most_ms, one.memory_mb),
    }
    return min(good, key=rank[strategy])


def tuning_report(
    function: AccountFunction, found: Sequence[Trial], strategy: str, runs: int, prices: Prices
) -> dict[str, Any]:
    """Return the table and the choice, by the keys that scripts rely on."""
    architecture = function.architecture
    return {
        "function": function.shown_name, "name": function.name, "current_mb": function.memory_mb,
        "strategy": strategy, "runs": runs, "best_mb": best(found, strategy, prices, architecture).memory_mb,
        "prices_as_of": prices.as_of,
        "sizes": [
            {
                "memory_mb": one.memory_mb, "vcpu": round(vcpus(one.memory_mb), 2), "error": one.error,
                "billed_ms": None if one.error else float(round(one.billed_ms, 1)),
                "first_ms": None if one.error else float(round(one.first_ms, 1)),
                "used_mb": one.used_mb or None,
                "usd_per_million": None if one.error else str(cents(one.usd(prices, architecture))),
            }
            for one in found
        ],
    }  # fmt: skip


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table and the choice for people."""
    titles = (
        Column("MB"), "vCPU", "average ms", Column("first ms", drop=1), Column("most MB used", drop=2),
        "$ per million", Column("", left=True),
    )  # fmt: skip
    rows = [
        (
            number(one["memory_mb"]), f"{one['vcpu']:.2f}",
            *(number(one[key]) for key in ("billed_ms", "first_ms", "used_mb")), one["usd_per_million"] or "–",
            "best" if one["memory_mb"] == report["best_mb"] else "",
        )
        for one in report["sizes"]
    ]  # fmt: skip
    yield from table(titles, rows)
    yield from (f"{one['memory_mb']:,} MB failed: {one['error']}" for one in report["sizes"] if one["error"])
    yield ""
    yield (
        f"{report['function']} has {report['current_mb']:,} MB; best by {report['strategy']}: {report['best_mb']:,} MB "
        f"({report['runs']:,} warm invocations of each size, prices of {report['prices_as_of']})"
    )
    yield CPU_NOTE
