from __future__ import annotations

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import query as command
from estate_tool.core import environment
from estate_tool.events import query
from foundation.naming import Names
from shared.statistics import Summary, merge, to_dict
from tests.support.fake_lambda import FakeLambda

if TYPE_CHECKING:
    from collections.abc import Callable

HOURS = [f"2013-01-01T{hour:02}:00:00Z" for hour in range(6)]


def bucket(hour: str, *delays: str, events: int | None = None) -> dict[str, Any]:
    summary = Summary()
    for delay in delays:
        summary.add_event({"dep_delay": Decimal(delay)})
    if events:
        summary.events = events
    return {"hour": hour, **to_dict(summary)}


class QueryFunction(FakeLambda):
    """Answers with pages of two buckets each, or with one answer; the table of events has what is `stored`."""

    def __init__(self, buckets: list[dict[str, Any]], answer: Any = None, *, failing: bool = False) -> None:
        super().__init__(self._page if answer is None else answer, failing=failing)
        self._buckets = buckets
        self.stored: list[Any] = []

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [request for function, request in self.payloads if function == "lambda-query-dev"]

    def scan(self, **_: Any) -> dict[str, Any]:
        return {"Items": [{"event": {"S": json.dumps(one)}} for one in self.stored]}

    def _page(self, request: dict[str, Any]) -> dict[str, Any]:
        start = int(request.get("next", "0"))
        buckets = self._buckets[start : start + 2]
        totals = merge({"count": one["count"], "data": one["data"]} for one in buckets)
        more = {"next": str(start + 2)} if start + 2 < len(self._buckets) else {}
        return {"buckets": buckets, "totals": totals, **more}


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., QueryFunction]:
    """Any environment has a query function that answers so."""

    def answer(buckets: list[dict[str, Any]] | None = None, *answer: Any, failing: bool = False) -> QueryFunction:
        function = QueryFunction(buckets or [], *answer, failing=failing)
        estate = SimpleNamespace(name="dev", local=False, names=Names("dev"), client=lambda _service: function)
        monkeypatch.setattr(environment, "resolve", lambda _name: estate)
        return function

    return answer


def test_all_pages_are_put_together_and_their_totals_are_exact(answering: Any, call: Any) -> None:
    buckets = [bucket(hour, "1", "0.1", str(number)) for number, hour in enumerate(HOURS[:5])]
    function = answering(buckets)
    done = call(command, "flight.departed", "--subject", "UA", "--from", HOURS[0], "--to", HOURS[5], "--json")
    assert done.code == 0
    answer = json.loads(done.out)
    asked = {"type": "flight.departed", "subject": "UA", "from": HOURS[0], "to": HOURS[5]}
    assert {name: answer[name] for name in asked} == asked
    assert answer["buckets"] == buckets
    assert answer["totals"]["count"] == 15
    assert answer["totals"]["data"]["dep_delay"]["count"] == 15
    assert answer["totals"]["data"]["dep_delay"]["sum"] == "15.5"
    assert answer["totals"]["data"]["dep_delay"]["mean"] == "1.0333333333333333333333333333333333333"
    assert function.requests == [asked, asked | {"next": "2"}, asked | {"next": "4"}]


def test_only_given_keys_are_sent_and_an_empty_subject_is_one(answering: Any, call: Any) -> None:
    function = answering([])
    assert json.loads(call(command, "t", "--json").out)["subject"] is None
    call(command, "t", "--subject", "")
    assert function.requests == [{"type": "t"}, {"type": "t", "subject": ""}]


def test_events_without_numbers_and_no_events_are_shown(answering: Any, call: Any) -> None:
    answering([bucket(HOURS[0], events=3)])
    assert "2013-01-01T00:00:00Z       3" in call(command, "t").out
    answering([])
    assert "no subject" in call(command, "t", "--subject", "").out


@pytest.mark.parametrize(
    ("exact", "read"),
    [("0", "0.000"), ("1234567.8949", "1234567.895"), ("-3.0909090909", "-3.091"), ("0.000123456789", "0.000123457"),
     ("1e-9", "1e-9"), ("0.5", "0.5")],
)  # fmt: skip
def test_small_numbers_keep_their_digits(exact: str, read: str) -> None:
    assert query.short(exact) == read


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "x"], "--from 'x'"),
        (["--to", "2013-02-30T00:00:00Z"], "--to"),
        (["--from", HOURS[2], "--to", "2013-01-01T01:59:59.9Z"], "is after"),
        (["--from", "2013-01-01T01:00:00+01:00", "--to", "2012-12-31T23:59:59Z"], "is after"),
    ],
)
def test_a_time_that_is_none_or_a_start_after_the_end_is_refused_before_anything_is_asked(
    answering: Any, call: Any, arguments: list[str], said: str
) -> None:
    function = answering([])
    done = call(command, "t", *arguments)
    assert (done.code, said in done.err, function.requests) == (2, True, [])


@pytest.mark.parametrize(
    ("start", "end", "counted"),
    [
        (None, None, {"from": None, "to": None, "left_out": [], "beyond": None}),
        (HOURS[1], HOURS[3], {"from": HOURS[1], "to": HOURS[3], "left_out": [], "beyond": None}),
        (
            "2013-01-01T01:15:00Z", "2013-01-01T04:30:00+01:00",
            {"from": HOURS[2], "to": HOURS[4], "left_out": [["2013-01-01T01:15:00Z", HOURS[2]]],
             "beyond": ["2013-01-01T03:30:00Z", HOURS[4]]},
        ),
        (
            "2013-01-01T01:15:00Z", "2013-01-01T01:45:00Z",
            {"from": None, "to": None, "left_out": [["2013-01-01T01:15:00Z", "2013-01-01T01:45:00Z"]], "beyond": None},
        ),
        ("9999-12-31T23:30:00Z", None, {"from": None, "to": None, "left_out": [], "beyond": None}),
    ],
)  # fmt: skip
def test_whole_hours_are_counted_and_the_rest_is_named(
    answering: Any, call: Any, start: str | None, end: str | None, counted: dict[str, Any]
) -> None:
    answering([bucket(HOURS[1], "1")])
    flags = [*(["--from", start] if start else []), *(["--to", end] if end else [])]
    done = call(command, "t", *flags, "--json")
    assert json.loads(done.out)["counted"] == counted
    assert ("whole hours are counted" in done.err) == bool(counted["left_out"] or counted["beyond"])


def test_for_a_type_without_events_the_types_there_are_are_named(answering: Any, call: Any) -> None:
    function = answering([])
    function.stored = [{"type": "flight.departed"}, {"type": "flight.cancelled"}, {"type": 5}, "nonsense"]
    done = call(command, "flight.departd", "--json")
    assert json.loads(done.out)["types"] == ["5", "flight.cancelled", "flight.departed"]
    assert "did you mean 'flight.departed'?" in done.err
    assert "did you mean" not in call(command, "flight.departed").err


LOGS = "/aws/lambda/lambda-query-dev"
SAME = {"buckets": [], "totals": {"count": 0, "data": {}}, "next": "same"}


@pytest.mark.parametrize(
    ("answer", "failing", "code", "reason", "hint"),
    [
        ({"errorType": "BadRequest", "errorMessage": "type is too long"}, False, 2, "type is too long", ""),
        ({"errorType": "AwsError", "errorMessage": "throttled"}, False, 1, "throttled", LOGS),
        (SAME, False, 1, "the same page again and again", LOGS),
        (b"<html>", True, 1, "the query function failed: error: '<html>'", LOGS),
        (b"<html>", False, 1, "the query function answered what is no object: '<html>'", LOGS),
        (b"[]", False, 1, "the query function answered what is no object: '[]'", LOGS),
    ],
    ids=["refused", "failed", "endless", "no-error", "no-json", "no-object"],
)
def test_a_refusal_is_wrong_usage_and_any_other_failure_is_reported_with_the_logs(
    answering: Any, call: Any, answer: Any, failing: bool, code: int, reason: str, hint: str
) -> None:
    answering([], answer, failing=failing)
    done = call(command, "t")
    assert (done.code, done.out, reason in done.err, hint in done.err) == (code, "", True, True)
