"""Questions to the query function: whole hours, answers page by page, types of events to suggest."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.console.tables import RULE, Column, table
from estate_tool.core.aws_errors import unless_forbidden
from estate_tool.core.errors import EstateError, Failed, UsageError
from estate_tool.core.text import counted as noun
from estate_tool.core.text import one_line
from estate_tool.core.untrusted import decoded, mapping, text_of
from estate_tool.events import invocation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.core.environment import Environment
    from shared.times import Instant

_MOST_SHOWN = 20
_EVENTS = "events"
_HOUR = timedelta(hours=1)
FUNCTION = "query"
_DIGITS = Context(prec=6)
_COLUMNS = (
    Column("hour", left=True), Column("events"), Column("field", left=True), Column("values", drop=1), Column("sum"),
    Column("mean"), Column("stddev", drop=2),
)  # fmt: skip


def stored_types(environment: Environment) -> list[str] | None:
    """Return the types among the first stored events, a page of 1 MB (at most 128 read units); None if refused."""
    table, dynamodb = environment.names.table(_EVENTS), environment.client("dynamodb")
    page, _ = unless_forbidden(lambda: dynamodb.scan(TableName=table, ProjectionExpression="event"))
    if page is None:
        return None
    stored = (mapping(decoded(mapping(item.get("event")).get("S"))) for item in page["Items"])
    return sorted({found for one in stored if (found := text_of(one.get("type")))})


def type_hint(queried: str, types: list[str] | None) -> Iterator[str]:
    """Yield a suggestion and the stored types, if these are known and the queried one is not among them."""
    from foundation.problems import nearest

    if types is None or queried in types:
        return
    if close := nearest(types, queried):
        yield f"  → did you mean {one_line(close)!r}?"
    more = f" and {len(types) - _MOST_SHOWN:,} more" if len(types) > _MOST_SHOWN else ""
    listed = one_line(", ".join(types[:_MOST_SHOWN])) or "none: nothing is stored"
    yield f"  → types among the stored events: {listed}{more}"


def counted_hours(start: str | None, end: str | None) -> dict[str, Any]:
    """Return the hours that are counted, in UTC, with the parts of the range that are left out or exceeded.

    Raises UsageError for an invalid time, and for a start after the end.
    """
    first, last = _moment("--from", start), _moment("--to", end)
    if first and last and first > last:
        raise UsageError(f"--from {start} is after --to {end}; nothing was asked", "exchange them")
    begin, stop = first and _next_hour(first), last and _next_hour(last)
    if first and last and begin and stop and begin >= stop:
        return {"from": None, "to": None, "left_out": [[_text(first), _text(last)]], "beyond": None}
    return {
        "from": begin and _text(begin), "to": stop and _text(stop),
        "left_out": [[_text(first), _text(begin)]] if first and begin and first < begin else [],
        "beyond": [_text(last), _text(stop)] if last and stop and last < stop else None,
    }  # fmt: skip


def hour_notes(hours: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line if the counted hours are not exactly the range of the question."""
    if hours["left_out"] or hours["beyond"]:
        parts = [f"{start} to {end} is left out" for start, end in hours["left_out"]]
        if hours["beyond"]:
            parts.append("{} to {} is counted with its hour".format(*hours["beyond"]))
        yield f"whole hours are counted: {'; '.join(parts)}"


def _moment(flag: str, text: str | None) -> datetime | None:
    from shared.times import InvalidTime, parse_time

    if text is None:
        return None
    try:
        instant: Instant = parse_time(text)
    except InvalidTime as error:
        raise UsageError(f"{flag} {text!r}: {error}", "for example: 2013-01-01T05:00:00Z") from error
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # a leap second
        return instant.start + (timedelta(0) if instant.on_the_hour else _HOUR - timedelta(seconds=1))


def _next_hour(moment: datetime) -> datetime | None:
    """Return the first full hour at or after the moment; None after the last one there is."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    try:
        return hour if hour == moment else hour + _HOUR
    except OverflowError:
        return None


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def ask(environment: Environment, question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole answer, as `estate query --json` prints it: all pages' buckets, and the totals of all of them.

    Raises UsageError if the function does not accept the question, Failed if it fails; boto3's errors pass through.
    """
    from shared.statistics import merge

    buckets: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    for page in _pages(environment, question):
        buckets += page["buckets"]
        totals.append(page["totals"])
    asked = {key: question.get(key) for key in ("type", "subject", "from", "to")}
    return {**asked, "buckets": buckets, "totals": merge(totals)}


def _pages(environment: Environment, question: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    request = {key: value for key, value in question.items() if value is not None}
    while True:
        page = _invoke(environment, request)
        yield page
        following = page.get("next")
        if following is None:
            return
        if following == request.get("next"):
            raise Failed(
                "the query function answers the same page again and again", f"its logs: {_log_group(environment)}"
            )
        request["next"] = following


def _invoke(environment: Environment, request: Mapping[str, Any]) -> dict[str, Any]:
    name, payload = environment.names.function(FUNCTION), json.dumps(request).encode()
    answer = invocation.invoke(environment.client("lambda"), name, payload)
    content = decoded(answer.text)
    if answer.error is not None:
        raise _failure(environment, mapping(content), answer.error)
    if not isinstance(content, dict):
        raise Failed(
            f"the query function answered what is no object: {answer.text[:200]!r}",
            f"its logs: {_log_group(environment)}",
        )
    return content


def _failure(environment: Environment, content: Mapping[str, Any], error: str) -> EstateError:
    if content.get("errorType") == "BadRequest":
        return UsageError(str(content.get("errorMessage")))
    return Failed(f"the query function failed: {error}", f"its logs, with the reason: {_log_group(environment)}")


def _log_group(environment: Environment) -> str:
    return environment.names.log_group(FUNCTION)


def lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield the answer as lines for a person: a row per hour and field, and the totals."""
    yield _title(answer)
    if not answer["buckets"]:
        return
    rows = [row for bucket in answer["buckets"] for row in _rows(bucket["hour"], bucket)]
    total = list(_rows("total", answer["totals"]))
    yield ""
    yield from table(_COLUMNS, [*rows, RULE, *total])


def _title(answer: Mapping[str, Any]) -> str:
    subject = answer["subject"]
    about = [answer["type"]]
    about.append("all subjects" if subject is None else f"subject {subject}" if subject else "no subject")
    if answer["from"]:
        about.append(f"from {answer['from']}")
    if answer["to"]:
        about.append(f"to {answer['to']}")
    found = len(answer["buckets"])
    counted = f"{noun(answer['totals']['count'], 'event')} in {noun(found, 'hour')}"
    return f"{one_line(' · '.join(about))}: {counted if found else 'no events'}"


def _rows(label: str, summary: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row per field; the first one has the label and the number of events."""
    head = (label, f"{summary['count']:,}")
    if not summary["data"]:
        yield (*head, "", "", "", "", "")
    for name, measured in summary["data"].items():
        numbers = (f"{measured['count']:,}", measured["sum"], short(measured["mean"]), short(measured["stddev"]))
        yield (*head, name, *numbers)
        head = ("", "")


def short(text: str) -> str:
    """Return an exact decimal for reading: 3 places, or 6 significant digits where it is smaller than 1."""
    value = Decimal(text)
    if abs(value) >= 1 or value == 0:
        return f"{value:.3f}"
    return format(_DIGITS.plus(value).normalize(), "f" if abs(value) > Decimal("1e-6") else "e")
