"""Sources of evidence, in the order in which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core.aws_errors import FORBIDDEN
from estate_tool.core.retries import code_of
from estate_tool.sizing import AUTO, logs_insights, published_metrics
from estate_tool.sizing.functions import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from estate_tool.sizing.evidence import Found
    from estate_tool.sizing.functions import Asked

    Source = Callable[[Asked], Found | None]


def logs(asked: Asked) -> Found:
    """From the log itself, every report of it."""
    evidence = measure(asked.environment, asked.function, asked.window, asked.progress)
    return evidence.found(f"{evidence.source} in {asked.function.log_group}")


# By the names of SOURCES. Insights may be refused, for what it can't do or costs: then the log itself is read.
_GATHER: Mapping[str, tuple[Source, ...]] = {
    AUTO: (logs_insights.gather, logs, published_metrics.own, published_metrics.lambda_insights),
    "insights": (logs_insights.gather, logs),
    "logs": (logs,),
    "metric": (published_metrics.own,),
    "lambda-insights": (published_metrics.lambda_insights,),
}


def found(source: str, asked: Asked) -> Found:
    """Return the findings of the first source with samples; if none has any, of the first that answered.

    A source that AWS denies is passed over; the ClientError of the first one is raised if there is nothing else.
    """
    from botocore.exceptions import ClientError

    first: Found | ClientError | None = None
    for gather in _GATHER[source]:
        try:
            answer = gather(asked)
        except ClientError as error:
            if code_of(error) not in FORBIDDEN:
                raise
            first = first or error
            continue
        if answer is not None and answer.usage.samples:
            return answer
        first = first or answer
    if isinstance(first, ClientError):
        raise first
    assert first is not None, "every list of sources ends with one that always answers"
    return first
