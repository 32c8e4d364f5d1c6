"""Evidence from metrics of CloudWatch: memory per call, with what AWS publishes about the calls beside it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from estate_tool.monitoring.metrics import daily
from estate_tool.sizing.evidence import UNKNOWN, Found, Usage
from observability.metrics import OWN_NAMESPACE

if TYPE_CHECKING:
    from estate_tool.sizing.functions import Asked

_MEMORY = ("SampleCount", "Sum", "Maximum", "p95", "p99")


def own(asked: Asked) -> Found:
    """From the metric that the observability layer publishes from the function's log; other functions have none."""
    if asked.function.catalog_name is None:
        return _nothing("no metric of memory: only functions of the estate publish one")
    name = asked.environment.names.of("memory-used", asked.function.catalog_name)
    return _found(asked, (OWN_NAMESPACE, name), {})


def lambda_insights(asked: Asked) -> Found:
    """From Lambda Insights, where the function has that layer ("Metrics collected by Lambda Insights")."""
    return _found(asked, ("LambdaInsights", "used_memory_max"), {"function_name": asked.function.name})


def _nothing(source: str) -> Found:
    measured = UNKNOWN | {"source": source, "samples": 0}
    return Found(usage=Usage(samples=0, p99_mb=0, max_mb=0), measured=measured, gb_ms=0.0)


def _found(asked: Asked, metric: tuple[str, str], dimensions: dict[str, str]) -> Found:
    client = asked.environment.client("cloudwatch")
    memory = daily(client, metric, dimensions, asked.window, _MEMORY)
    samples = int(sum(memory["SampleCount"]))
    source = f"metric {'/'.join(metric)}"
    if not samples:
        return _nothing(f"no values of {source}")
    p95, p99, maximum = (ceil(max(memory[statistic], default=0)) for statistic in ("p95", "p99", "Maximum"))
    # A metric counts no kills; memory used up is the trace that they leave.
    full = maximum >= asked.function.memory_mb
    calls, gb_ms = _calls(asked)
    measured = UNKNOWN | calls | {
        "source": source, "samples": samples, "average_mb": round(sum(memory["Sum"]) / samples, 1),
        "p95_mb": p95, "p99_mb": p99, "max_mb": maximum,
    }  # fmt: skip
    usage = Usage(samples=samples, p99_mb=p99, max_mb=maximum, ooms=int(full), largest_oom_mb=maximum if full else 0)
    billed_ms = gb_ms / asked.function.memory_mb * 1024
    return Found(usage=usage, measured=measured, gb_ms=gb_ms, billed_ms=billed_ms)


def _calls(asked: Asked) -> tuple[dict[str, Any], float]:
    """Read the metrics that Lambda publishes; durations stand for billed ones, nearly the same."""
    client, of_function = asked.environment.client("cloudwatch"), {"FunctionName": asked.function.name}

    def values(name: str, *statistics: str) -> dict[str, list[float]]:
        return daily(client, ("AWS/Lambda", name), of_function, asked.window, statistics)

    invocations, errors = values("Invocations", "Sum")["Sum"], values("Errors", "Sum")["Sum"]
    duration = values("Duration", "Sum", "p99")
    if not invocations:
        return {}, 0.0
    total_ms = sum(duration["Sum"])
    gb_ms = total_ms * asked.function.memory_mb / 1024
    return {
        "invocations": int(sum(invocations)), "failures": int(sum(errors)),
        "duration_p99_ms": ceil(max(duration["p99"], default=0)),
        "billed_seconds": round(total_ms / 1000, 3), "billed_gb_seconds": round(gb_ms / 1000, 3),
    }, gb_ms  # fmt: skip
