"""Asks the query function, page after page, and puts its answers together."""

from __future__ import annotations

import json
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.console.tables import RULE, Column, table
from estate_tool.core.errors import EstateError, Failed, UsageError
from estate_tool.core.terminal import one_line
from estate_tool.core.wording import counted as noun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.core.environment import Environment

FUNCTION = "query"
ALIAS = "live"
_DIGITS = Context(prec=6)
_COLUMNS = (
    Column("hour", left=True), Column("events"), Column("field", left=True), Column("values", drop=1), Column("sum"),
    Column("mean"), Column("stddev", drop=2),
)  # fmt: skip


def ask(environment: Environment, question: Mapping[str, Any]) -> dict[str, Any]:
    """The whole answer, as `estate query --json` prints it: all pages' buckets, and the totals of all of them.

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
    response = environment.client("lambda").invoke(
        FunctionName=environment.names.function(FUNCTION),
        Qualifier=ALIAS,
        InvocationType="RequestResponse",
        Payload=json.dumps(request).encode(),
    )
    text = response["Payload"].read()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if response.get("FunctionError"):
        raise _failure(environment, answer if isinstance(answer, dict) else {"errorMessage": repr(text[:200])})
    if not isinstance(answer, dict):
        raise Failed(
            f"the query function answered what is no object: {text[:200]!r}", f"its logs: {_log_group(environment)}"
        )
    return answer


def _failure(environment: Environment, answer: Mapping[str, Any]) -> EstateError:
    kind, message = answer.get("errorType") or "error", answer.get("errorMessage") or "no message"
    if kind == "BadRequest":
        return UsageError(str(message))
    return Failed(
        f"the query function failed: {kind}: {message}", f"its logs, with the reason: {_log_group(environment)}"
    )


def _log_group(environment: Environment) -> str:
    return environment.names.log_group(FUNCTION)


def lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """The answer as lines for a person: a row per hour and field, and the totals."""
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
    """A row per field; the first one has the label and the number of events."""
    head = (label, f"{summary['count']:,}")
    if not summary["data"]:
        yield (*head, "", "", "", "", "")
    for name, measured in summary["data"].items():
        numbers = (f"{measured['count']:,}", measured["sum"], short(measured["mean"]), short(measured["stddev"]))
        yield (*head, name, *numbers)
        head = ("", "")


def short(text: str) -> str:
    """An exact decimal for reading: 3 places, or 6 significant digits where it is smaller than 1."""
    value = Decimal(text)
    if abs(value) >= 1 or value == 0:
        return f"{value:.3f}"
    return format(_DIGITS.plus(value).normalize(), "f" if abs(value) > Decimal("1e-6") else "e")
