from compute.triggers import Schedule, ScheduleArgs
from foundation.model import ScheduleTrigger
from foundation.schedules import payload
from tests.support.declarations import TAGS
from tests.support.mocks import Recording, record

ALIAS = "arn:aws:lambda:us-east-1:123456789012:function:lambda-x-dev:live"
ROLE = "arn:aws:iam::123456789012:role/schedule-x-dev"
FAILURES = "arn:aws:sqs:us-east-1:123456789012:dlq-x-dev"
TRIGGER = ScheduleTrigger(
    expression="cron(0 6 * * ? *)", timezone="Europe/Berlin", input={"all": True}, retry_attempts=3,
    maximum_event_age_seconds=600, enabled=False,
)  # fmt: skip


def _made(trigger: ScheduleTrigger = TRIGGER) -> Recording:
    args = ScheduleArgs(
        trigger=trigger, physical_name="schedule-x-dev", role_arn=ROLE, alias_arn=ALIAS, failure_queue_arn=FAILURES,
        tags=TAGS,
    )  # fmt: skip
    return record(lambda: Schedule("x-schedule", args))


def test_a_schedule_calls_the_alias_as_declared_and_its_failures_are_kept() -> None:
    schedule = _made().one("scheduler/schedule:Schedule").inputs
    target = schedule["target"]
    assert (schedule["name"], schedule["groupName"]) == ("schedule-x-dev", "schedule-x-dev")
    assert schedule["scheduleExpression"] == "cron(0 6 * * ? *)"
    assert (schedule["scheduleExpressionTimezone"], schedule["state"]) == ("Europe/Berlin", "DISABLED")
    assert schedule["flexibleTimeWindow"] == {"mode": "OFF"}
    assert (target["arn"], target["deadLetterConfig"]) == (ALIAS, {"arn": FAILURES})
    assert target["retryPolicy"] == {"maximumRetryAttempts": 3, "maximumEventAgeInSeconds": 600}
    assert target["input"] == payload(TRIGGER)
    assert (
        _made(ScheduleTrigger(expression="rate(1 hour)")).one("scheduler/schedule:Schedule").inputs["state"]
        == "ENABLED"
    )


def test_the_group_carries_the_tags_and_the_schedule_calls_as_its_role() -> None:
    made = _made()
    assert made.one("scheduler/scheduleGroup:ScheduleGroup").inputs["tags"] == TAGS
    assert made.one("scheduler/schedule:Schedule").inputs["target"]["roleArn"] == ROLE
