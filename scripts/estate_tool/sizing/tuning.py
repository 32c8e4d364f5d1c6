"""Runs a function at several sizes: what it costs against how fast it is."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import Failed
from estate_tool.events import invocation
from estate_tool.pricing.bill import cents
from estate_tool.sizing import report_lines
from estate_tool.sizing.recommendation import vcpus
from estate_tool.sizing.trial_copy import copied, resize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.pricing.prices import Prices
    from estate_tool.sizing.functions import Sized
    from estate_tool.sizing.report_lines import Invocation


@dataclass(frozen=True)
class Tried:
    """A size: what warm invocations were billed on average, the first one, and why it failed if it did."""

    memory_mb: int
    billed_ms: Decimal = Decimal(0)
    first_ms: Decimal = Decimal(0)
    used_mb: int = 0
    error: str | None = None

    def usd(self, prices: Prices, architecture: str) -> Decimal:
        """A million invocations, in US dollars."""
        seconds = 1_000_000 * self.billed_ms / 1000
        duration = seconds * self.memory_mb / 1024 * prices[f"lambda_duration_{architecture}"]
        return duration + 1_000_000 * prices[f"lambda_request_{architecture}"]


def tried(
    environment: Environment, function: Sized, payload: bytes, sizes: Sequence[int], runs: int,
    progress: Callable[[str], None],
) -> list[Tried]:  # fmt: skip
    """Run a copy of the function at each size, `runs` times after a first, cold one; the copy is deleted in the end.

    The function itself, its versions and aliases are never touched. Raises Failed when it fails at every size.
    """
    client = invocation.client(environment)
    found = []
    with copied(environment, client, function, sizes[0]) as copy:
        for memory_mb in sizes:
            resize(client, copy, memory_mb)
            progress(f"{function.shown_name}: {memory_mb:,} MB, {runs + 1} invocations")
            found.append(_try(client, copy, payload, memory_mb, runs))
    if all(one.error for one in found):
        raise Failed(
            f"{function.shown_name} failed at every size: {found[-1].error}", "give a payload that it can process"
        )
    return found


def best(found: Sequence[Tried], strategy: str, prices: Prices, architecture: str) -> Tried:
    """The size to choose: cheapest, fastest, or least by the sum of both, each as a share of the worst."""
    good = [one for one in found if one.error is None]
    usd = {one.memory_mb: one.usd(prices, architecture) for one in good}
    most_usd, most_ms = max(usd.values()), max(*(one.billed_ms for one in good), Decimal(1))
    rank: dict[str, Callable[[Tried], Any]] = {
        "cost": lambda one: (usd[one.memory_mb], one.billed_ms),
        "speed": lambda one: (one.billed_ms, usd[one.memory_mb]),
        "balanced": lambda one: (usd[one.memory_mb] / most_usd + one.billed_ms / most_ms, one.memory_mb),
    }
    return min(good, key=rank[strategy])


def tuning_report(function: Sized, found: Sequence[Tried], strategy: str, runs: int, prices: Prices) -> dict[str, Any]:
    """The table and the choice, by the keys that scripts rely on."""
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


def _try(client: Any, copy: str, payload: bytes, memory_mb: int, runs: int) -> Tried:
    seen: list[Invocation] = []
    for _ in range(runs + 1):
        answer = client.invoke(FunctionName=copy, Payload=payload, LogType="Tail")
        if answer.get("FunctionError"):
            return Tried(memory_mb, error=_shortened(answer["Payload"].read()))
        seen.append(_reported(answer))
    first, *further = seen
    billed = sum((Decimal(str(one.billed_ms)) for one in further), Decimal(0)) / len(further)
    used = max(one.used_mb for one in seen)
    return Tried(memory_mb, billed, Decimal(str(first.billed_ms)), used)


def _reported(answer: dict[str, Any]) -> Invocation:
    tail = base64.b64decode(answer.get("LogResult") or "").decode(errors="replace")
    for line in reversed(tail.splitlines()):
        if (found := report_lines.parse(line)) is not None:
            return found
    raise Failed("Lambda did not report what an invocation took", "try again")


def _shortened(body: bytes) -> str:
    text = " ".join(body.decode(errors="replace").split())
    return text if len(text) <= 200 else f"{text[:199]}…"
