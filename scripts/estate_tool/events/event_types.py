"""Types of events that are stored, for a question about a type that there is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core.aws_errors import FORBIDDEN
from estate_tool.core.retries import code_of
from estate_tool.core.terminal import one_line
from estate_tool.core.untrusted import decoded, mapping, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.core.environment import Environment

_MOST_SHOWN = 20
_EVENTS = "events"


def seen(environment: Environment) -> list[str] | None:
    """Return the types among the first stored events, a page of 1 MB (at most 128 read units); None if refused."""
    from botocore.exceptions import ClientError

    try:
        page = environment.client("dynamodb").scan(
            TableName=environment.names.table(_EVENTS), ProjectionExpression="event"
        )
    except ClientError as error:
        if code_of(error) not in FORBIDDEN:
            raise
        return None
    stored = (mapping(decoded(mapping(item.get("event")).get("S"))) for item in page["Items"])
    return sorted({found for one in stored if (found := text_of(one.get("type")))})


def hint(asked: str, types: list[str] | None) -> Iterator[str]:
    """Yield the nearest type and the types that there are, if these are known and the asked one is none of them."""
    from foundation.problems import nearest

    if types is None or asked in types:
        return
    if close := nearest(types, asked):
        yield f"  → did you mean {one_line(close)!r}?"
    more = f" and {len(types) - _MOST_SHOWN:,} more" if len(types) > _MOST_SHOWN else ""
    listed = one_line(", ".join(types[:_MOST_SHOWN])) or "none: nothing is stored"
    yield f"  → types among the stored events: {listed}{more}"
