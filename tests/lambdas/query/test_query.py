"""The query function: questions, buckets, totals, pages."""

import base64
import json
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from query.question import BadRequest, parse
from query.reading import MAX_BUCKET_BYTES
from shared.statistics import merge
from tests.support.functions import Estate
from tests.support.samples import event_text, stream_batch


def filled(*texts: str) -> Estate:
    estate = Estate()
    estate.aggregate(stream_batch(texts)["Records"])
    return estate


STORED = filled(
    *[event_text(str(n), {"n": n}, time=f"2013-01-{1 + n // 24:02}T{n % 24:02}:30:00Z") for n in range(100)]
)


def test_the_answer_has_the_documented_form() -> None:
    estate = filled(
        event_text("1", {"d": 2}), event_text("2", {"d": 5}), event_text("3", {"x": 0.5}, time="2013-01-01T06:00:00Z")
    )
    numbers = {"count": 2, "sum": "7", "mean": "3.5", "stddev": "1.5", "sum_of_squares": "29"}
    half = {"count": 1, "sum": "0.5", "mean": "0.5", "stddev": "0", "sum_of_squares": "0.25"}
    assert estate.query("flight.departed", subject="UA", start="2013-01-01T00:00:00Z") == {
        "type": "flight.departed",
        "subject": "UA",
        "from": "2013-01-01T00:00:00Z",
        "to": None,
        "buckets": [
            {"hour": "2013-01-01T05:00:00Z", "count": 2, "data": {"d": numbers}},
            {"hour": "2013-01-01T06:00:00Z", "count": 1, "data": {"x": half}},
        ],
        "totals": {"count": 3, "data": {"d": numbers, "x": half}},
    }


@pytest.mark.parametrize(("subject", "count"), [(..., 3), (None, 3), ("", 1), ("UA", 2), ("B6", 0)])
def test_without_subject_all_subjects_and_with_the_empty_one_those_without(subject: Any, count: int) -> None:
    estate = filled(event_text("1"), event_text("2"), event_text("3", subject=None))
    asked = {} if subject is ... else {"subject": subject}
    answer = estate.query("flight.departed", **asked)
    assert answer["totals"]["count"] == count
    assert answer["subject"] == asked.get("subject")


@pytest.mark.parametrize(
    ("start", "to", "expected"),
    [
        (None, None, range(100)),
        ("2013-01-02T00:00:00Z", None, range(24, 100)),
        (None, "2013-01-02T00:00:00Z", range(24)),
        ("2013-01-01T05:00:00Z", "2013-01-01T07:00:00Z", range(5, 7)),
        ("2013-01-01T05:00:01Z", "2013-01-01T07:00:01Z", range(6, 8)),
        ("2013-01-01T00:00:00-05:00", "2013-01-01T06:00:00.5Z", range(5, 7)),
        ("2013-01-01T05:00:00Z", "2013-01-01T05:00:00Z", range(0)),
        ("2014-01-01T00:00:00Z", "2013-01-01T00:00:00Z", range(0)),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", range(0)),
        ("9999-12-31T23:00:01Z", None, range(0)),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", range(100)),
    ],
)
def test_from_is_included_and_to_is_not(start: str | None, to: str | None, expected: range) -> None:
    answer = STORED.query("flight.departed", start=start, to=to)
    assert [bucket["data"]["n"]["sum"] for bucket in answer["buckets"]] == [str(n) for n in expected]
    assert answer["totals"]["count"] == len(expected)


@settings(deadline=None)
@given(st.integers(1, 120), st.sampled_from([None, "2013-01-02T03:00:00Z"]))
def test_pages_together_are_the_whole_and_their_totals_merge(limit: int, to: str | None) -> None:
    whole = STORED.query("flight.departed", to=to)
    pages = [STORED.query("flight.departed", to=to, limit=limit)]
    while "next" in pages[-1]:
        assert len(pages[-1]["buckets"]) == limit
        pages.append(STORED.query("flight.departed", to=to, limit=limit, next=pages[-1]["next"]))
    assert [bucket for page in pages for bucket in page["buckets"]] == whole["buckets"]
    assert merge(page["totals"] for page in pages) == whole["totals"]
    assert all(page["buckets"] for page in pages)


def test_a_page_may_take_several_reads_and_stays_below_what_lambda_can_answer() -> None:
    estate = Estate()
    fields = [f"{'é' * 60}{n}" for n in range(30)]
    texts = [
        event_text(
            f"{n}-{k}",
            dict.fromkeys(fields[k * 10 : k * 10 + 10], n),
            time=f"20{13 + n // 28}-01-{1 + n % 28:02}T00:00:00Z",
        )
        for n in range(300)
        for k in range(3)
    ]
    estate.aggregate(stream_batch(texts)["Records"])
    buckets, asked, following = [], 0, {}
    while asked == 0 or following:
        answer = estate.query("flight.departed", **following)
        assert len(json.dumps(answer["buckets"])) < MAX_BUCKET_BYTES + 400_000
        assert len(json.dumps(answer)) < 6_000_000
        buckets += answer["buckets"]
        following = {"next": answer["next"]} if "next" in answer else {}
        asked += 1
    assert asked > 1
    assert [bucket["count"] for bucket in buckets] == [3] * 300
    reads = [request for operation, request in estate.dynamodb.requests if operation == "Query"]
    assert len(reads) > asked
    assert all(request["ConsistentRead"] for request in reads)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (None, 'the payload must be an object such as {"type": "flight.departed"}, not null'),
        ([], "the payload must be an object"),
        ({}, "type must be a non-empty string, the type of the events, not null"),
        ({"type": ""}, 'type must be a non-empty string, the type of the events, not ""'),
        ({"type": 5}, "type must be a string of Unicode text, not 5"),
        ({"type": "\ud800"}, "type must be a string of Unicode text"),
        ({"type": "t", "subject": 5}, "subject must be a string of Unicode text, not 5"),
        ({"type": "t", "Subject": "x"}, 'unknown key "Subject"; known are type, subject, from, to, limit, next'),
        ({"type": "t", "from": "today"}, 'from "today" is invalid: not an RFC 3339 time'),
        ({"type": "t", "to": 2013}, "to must be a string of Unicode text, not 2013"),
        ({"type": "t", "limit": 0}, "limit must be a whole number of buckets from 1 to 10000, not 0"),
        ({"type": "t", "limit": 10_001}, "not 10001"),
        ({"type": "t", "limit": True}, "not true"),
        ({"type": "t", "limit": 1.5}, "not 1.5"),
        ({"type": "t", "next": "abc"}, 'next "abc" is not from an answer to this question: pass it on as it was'),
        ({"type": "t", "next": "é\ud800"}, "next must be a string of Unicode text"),
        ({"type": "t", "next": ""}, 'next "" is not from'),
    ],
)
def test_a_bad_question_is_refused_with_what_is_wrong_with_it(
    payload: Any, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BadRequest) as caught:
        Estate().query_payload(payload)
    assert message in str(caught.value)
    assert message in vars(caplog.records[0])["reason"]


def test_a_page_of_another_series_is_refused() -> None:
    following = STORED.query("flight.departed", limit=1)["next"]
    with pytest.raises(BadRequest, match="is not from an answer to this question"):
        STORED.query("flight.departed", subject="UA", limit=1, next=following)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_made_up_next_is_taken(token: str) -> None:
    with pytest.raises(BadRequest):
        parse({"type": "t", "next": token})


def test_the_outcome_is_logged_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    STORED.query("flight.departed", limit=7)
    line = vars(caplog.records[-1])
    assert [line[name] for name in ("message", "buckets", "complete")] == ["query answered", 7, False]
