"""Declared schedules: checks, payload, and the policies of their roles."""

import json
from dataclasses import replace
from typing import Any

import pytest

from foundation.model import ScheduleTrigger
from foundation.problems import InvalidConfiguration
from foundation.schedules import MOST_INPUT_BYTES, payload, schedule_policy, trust_policy
from foundation.validation import validate
from shared.schedules import occurrence_of
from tests.support.declarations import ARNS, SWEEP, with_function

RATE = ScheduleTrigger(expression="rate(5 minutes)")
GROUP = "arn:aws:scheduler:us-east-1:123456789012:schedule-group/schedule-sweep-dev"
ALIAS = "arn:aws:lambda:us-east-1:123456789012:function:lambda-sweep-dev:live"


def test_a_schedule_in_a_time_zone_with_an_input_is_valid() -> None:
    trigger = ScheduleTrigger(
        expression="cron(0 6 * * ? *)", timezone="Europe/Berlin", input={"a": [1, None, {"b": 2.5}]}
    )
    validate(with_function(SWEEP, trigger=trigger))
    with pytest.raises(InvalidConfiguration, match="timezone"):
        validate(with_function(SWEEP, trigger=replace(trigger, timezone="Europe/Nowhere")))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"expression": "rate(1 minutes)"}, "trigger expression"),
        ({"expression": 5}, "trigger expression"),
        ({"timezone": "Mars/Olympus"}, "trigger timezone"),
        ({"timezone": None}, "trigger timezone"),
        ({"retry_attempts": 186}, "trigger retry_attempts"),
        ({"retry_attempts": -1}, "trigger retry_attempts"),
        ({"retry_attempts": True}, "trigger retry_attempts"),
        ({"maximum_event_age_seconds": 59}, "trigger maximum_event_age_seconds"),
        ({"maximum_event_age_seconds": 86_401}, "trigger maximum_event_age_seconds"),
        ({"enabled": "no"}, "trigger enabled"),
        ({"input": [1]}, "trigger input"),
        ({"input": {"a": float("nan")}}, "trigger input"),
        ({"input": {"a": {1, 2}}}, "trigger input"),
        ({"input": {1: "a"}}, "trigger input"),
        ({"input": {"a": "x" * MOST_INPUT_BYTES}}, "trigger input"),
    ],
)
def test_a_schedules_mistake_is_named(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidConfiguration) as error:
        validate(with_function(SWEEP, trigger=replace(RATE, **changes)))
    (problem,) = error.value.problems
    assert problem.where == f"catalog function 'sweep' {where}"


def test_all_mistakes_are_reported_at_once_and_no_schedule_is_critical() -> None:
    wrong = replace(RATE, timezone="Nowhere", retry_attempts=999)
    with pytest.raises(InvalidConfiguration) as error:
        validate(with_function(SWEEP, trigger=wrong, critical=True))
    assert len(error.value.problems) == 3


def test_the_handler_reads_what_the_scheduler_makes_of_the_payload() -> None:
    """The scheduler puts its values in where their names stand ("Adding context attributes")."""
    text = payload(replace(RATE, input={"all": True}))
    values = {
        "schedule-arn": "arn:aws:scheduler:us-east-1:123456789012:schedule/g/s",
        "scheduled-time": "2027-03-31T06:00:00Z",
        "execution-id": "d32c5kddcf5bb8c3",
    }
    for name, value in values.items():
        assert text.count(f"<aws.scheduler.{name}>") == 1
        text = text.replace(f"<aws.scheduler.{name}>", value)
    occurrence = occurrence_of(json.loads(text))
    assert occurrence.key == "arn:aws:scheduler:us-east-1:123456789012:schedule/g/s 2027-03-31T06:00:00Z"
    assert (occurrence.execution_id, occurrence.input) == ("d32c5kddcf5bb8c3", {"all": True})


def test_only_the_scheduler_may_take_the_role_and_only_for_the_group() -> None:
    (statement,) = trust_policy(GROUP)["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012", "aws:SourceArn": GROUP}
    }  # fmt: skip


def test_the_role_may_call_the_alias_and_report_failures_and_nothing_else() -> None:
    queue = ARNS.dead_letter_queue("sweep")
    allowed = {(one["Action"], one["Resource"]) for one in schedule_policy(ALIAS, queue)["Statement"]}
    assert allowed == {("lambda:InvokeFunction", ALIAS), ("sqs:SendMessage", queue)}
