from datetime import UTC, datetime
from typing import Any

import pytest

from shared.schedules import BadOccurrence, occurrence_of
from tests.support.samples import scheduled

TIME = "2027-03-31T06:00:00Z"


def test_a_call_has_the_time_it_stands_for_and_its_declared_input() -> None:
    found = occurrence_of(scheduled(TIME, all=True))
    assert (found.scheduled_time, found.input) == (datetime(2027, 3, 31, 6, tzinfo=UTC), {"all": True})


def test_calls_for_one_time_share_their_key_and_no_others_do() -> None:
    first = occurrence_of(scheduled(TIME, execution="e1"))
    assert first.key == occurrence_of(scheduled(TIME, execution="e2")).key
    assert first.key != occurrence_of(scheduled("2027-03-31T06:00:01Z")).key
    assert first.key != occurrence_of({**scheduled(TIME), "schedule": "another"}).key


@pytest.mark.parametrize(
    "changed",
    [
        {"scheduledTime": "<aws.scheduler.scheduled-time>"}, {"scheduledTime": "2027-02-30T06:00:00Z"},
        {"scheduledTime": "2027-03-31T06:00:00+02:00"}, {"scheduledTime": None}, {"schedule": 1}, {"input": []},
        {"executionId": None},
    ],
)  # fmt: skip
def test_a_payload_that_is_none_of_a_schedule_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadOccurrence):
        occurrence_of({**scheduled(TIME), **changed})


@pytest.mark.parametrize("payload", [None, [], "text", {}, {"Records": []}])
def test_any_other_payload_is_refused(payload: object) -> None:
    with pytest.raises(BadOccurrence, match="scheduledTime"):
        occurrence_of(payload)
