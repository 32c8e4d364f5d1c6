"""Incidents against the alarms as they are registered: who is notified, when, and of nothing else."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from observability.metrics import OWN_NAMESPACE
from tests.support.cloudwatch.incidents import INCIDENTS, Expected, Incident, simulate
from tests.support.cloudwatch.simulation import Notification

# Delay of publication, and the datapoints that CloudWatch looks at beyond the evaluation periods: it does not say how
# many, the guide's examples have two.
CASES = ((1, 0), (2, 2), (3, 4))
LONG = 6 * 1440
# Far more than the guide's examples have.
MANY = 20


def cases() -> Iterator[tuple[Incident, int, int]]:
    """Each incident in the least and the most of the cases, weeks in the most; in each if ESTATE_LONG_TESTS is set."""
    for incident in INCIDENTS:
        wanted = CASES[-1:] if incident.minutes >= LONG else (CASES[0], CASES[-1])
        yield from (
            (incident, delay, spare) for delay, spare in (CASES if os.environ.get("ESTATE_LONG_TESTS") else wanted)
        )


# Several services publish what the alarms of these compare.
ONE_SERVICE_LATE = {"one-malformed-event", "now-and-then", "ramp", "spillover-now-and-then", "duplicates-only"}


def fits(expected: Expected, got: Notification) -> bool:
    same = (got.severity, got.alarm, got.state) == (expected.severity, expected.alarm, expected.state)
    return same and expected.earliest <= got.minute - expected.after <= expected.latest


@pytest.mark.parametrize(
    ("incident", "delay", "spare"),
    list(cases()),
    ids=lambda value: value.name if isinstance(value, Incident) else str(value),
)
def test_an_incident_notifies_of_what_it_should_in_time_and_of_nothing_else(
    incident: Incident, delay: int, spare: int
) -> None:
    assert deviations(incident, simulate(incident, delay, spare)) == []


@pytest.mark.parametrize("late", ["AWS/SQS", "AWS/Lambda", "AWS/DynamoDB", OWN_NAMESPACE])
@pytest.mark.parametrize(
    "incident", [each for each in INCIDENTS if each.name in ONE_SERVICE_LATE], ids=lambda each: each.name
)
def test_one_service_that_publishes_later_than_the_others_makes_no_alarm(incident: Incident, late: str) -> None:
    assert deviations(incident, simulate(incident, 1, others={late: 3})) == []


# Incidents of alarms whose metric math begins with the range that CloudWatch evaluates (RUNNING_SUM).
OF_THE_RANGE = {
    "three-losses",
    "mapping-disabled",
    "one-event-and-no-call",
    "one-malformed-event",
    "reviewed",
    "now-and-then",
}


@pytest.mark.parametrize(
    "incident", [each for each in INCIDENTS if each.name in OF_THE_RANGE], ids=lambda each: each.name
)
def test_a_range_of_more_datapoints_makes_an_alarm_later_and_none_wrong(incident: Incident) -> None:
    late = tuple(replace(one, latest=one.latest + MANY) for one in incident.expected)
    assert deviations(replace(incident, expected=late), simulate(incident, 2, MANY)) == []


def deviations(incident: Incident, notified: list[Notification]) -> list[Expected | Notification]:
    """Return the expected notifications that are missing, and those that nothing expects."""
    left: list[Expected | Notification] = []
    found = list(notified)
    for expected in incident.expected:
        match = next((one for one in found if fits(expected, one)), None)
        if match:
            found.remove(match)
        else:
            left.append(expected)
    return [*left, *found]


@pytest.mark.parametrize("incident", [each for each in INCIDENTS if each.cause], ids=lambda each: each.name)
def test_a_cause_pages_once_and_writes_two_tickets_at_most(incident: Incident) -> None:
    severities = [expected.severity for expected in incident.expected]
    assert severities.count("page") <= 1
    assert severities.count("ticket") <= 2


def test_there_are_ten_causes_and_twenty_incidents() -> None:
    assert sum(incident.cause for incident in INCIDENTS) >= 10
    assert len(INCIDENTS) >= 20
