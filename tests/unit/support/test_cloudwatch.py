"""The simulation of CloudWatch: what it must be able to show wrong in an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cloudwatch.alarms import composite_alarm
from tests.support.cloudwatch.metrics import Metrics, identity
from tests.support.cloudwatch.simulation import Notification, Simulation
from tests.support.mocks import Recording, Registration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

METRIC = identity("AWS/Lambda", "Errors", {"FunctionName": "f"})
ONE_METRIC: dict[str, Any] = {
    "namespace": "AWS/Lambda", "metricName": "Errors", "dimensions": {"FunctionName": "f"}, "statistic": "Sum",
    "period": 60,
}  # fmt: skip
TABLE = identity("AWS/DynamoDB", "WriteThrottleEvents", {"TableName": "t"})
FILLED = [
    {"id": "result", "expression": "FILL(m1, 0)", "returnData": True},
    {
        "id": "m1", "returnData": False, "metric": {"namespace": "AWS/DynamoDB", "metricName": "WriteThrottleEvents",
        "dimensions": {"TableName": "t"}, "stat": "Sum", "period": 60},
    },
]  # fmt: skip


def registration(type_: str, inputs: Mapping[str, Any]) -> Registration:
    return Registration(
        type=f"aws:cloudwatch/{type_}", name="alarm", urn="", parent="", custom=True, inputs=inputs, outputs={},
        dependencies=frozenset(), ignore_changes=(), protect=False, retain_on_delete=False,
        delete_before_replace=False, aliases=(),
    )  # fmt: skip


def alarm(name: str = "a", *, m: int = 1, n: int = 1, **inputs: Any) -> Registration:
    common = {
        "name": f"alarm-{name}-dev", "comparisonOperator": "GreaterThanThreshold", "threshold": 0,
        "evaluationPeriods": n, "datapointsToAlarm": m, "treatMissingData": "notBreaching",
        "alarmActions": ["arn:aws:sns:us-east-1:1:topic-page-dev"],
    }  # fmt: skip
    return registration("metricAlarm:MetricAlarm", {**common, **inputs})


def run(
    *alarms: Registration, happen: Callable[[Metrics, int], None], delay: int = 1, spare: int = 0
) -> list[Notification]:
    return Simulation(Recording(list(alarms)), delay=delay, spare=spare).run(60, happen)


def once(metrics: Metrics, minute: int) -> None:
    """A call that starts in minute 10 and fails after two."""
    if minute == 10:
        metrics.put(METRIC, 10, 1, known=12)


def test_a_call_that_fails_after_minutes_belongs_to_a_period_that_was_evaluated_before() -> None:
    assert run(alarm(**ONE_METRIC), happen=once) == []
    assert run(alarm(n=6, **ONE_METRIC), happen=once) == [Notification(14, "page", "a")]


@pytest.mark.parametrize(("n", "notified"), [(3, 0), (6, 1)])
def test_a_filled_gap_counts_until_the_late_point_comes(n: int, notified: int) -> None:
    def throttled(metrics: Metrics, minute: int) -> None:
        if 10 <= minute < 13:
            metrics.put(TABLE, minute, 5)

    assert len(run(alarm(m=2, n=n, metricQueries=FILLED), happen=throttled, delay=3)) == notified


def test_a_plain_alarm_of_dynamodb_never_leaves_the_state_alarm() -> None:
    plain: dict[str, Any] = {
        "namespace": "AWS/DynamoDB", "metricName": "WriteThrottleEvents", "statistic": "Sum", "period": 60,
        "dimensions": {"TableName": "t"},
    }  # fmt: skip
    simulation = Simulation(Recording([alarm(n=3, **plain)]), delay=1)
    simulation.run(60, lambda metrics, minute: metrics.put(TABLE, minute, 1) if minute == 10 else None)
    assert simulation.states() == {"alarm-a-dev": "ALARM"}


def test_a_composite_alarm_notifies_once_for_all_its_children_and_of_the_end() -> None:
    topic = "arn:aws:sns:us-east-1:1:topic-ticket-dev"
    children = [alarm(name, n=6, **ONE_METRIC, alarmActions=[]) for name in ("a", "b")]
    inputs = {
        "alarmName": "alarm-both-dev", "alarmRule": 'ALARM("alarm-a-dev") OR ALARM("alarm-b-dev")',
        "alarmActions": [topic], "okActions": [topic],
    }  # fmt: skip
    notified = run(*children, registration("compositeAlarm:CompositeAlarm", inputs), happen=once)
    assert notified == [Notification(14, "ticket", "both"), Notification(17, "ticket", "both", "OK")]
    with pytest.raises(ValueError, match="can't be simulated"):
        composite_alarm({**inputs, "alarmRule": 'NOT ALARM("alarm-a-dev")'})


def test_percentiles_are_of_all_samples_and_sums_of_what_is_readable() -> None:
    metrics = Metrics(delay=2)
    metrics.put(METRIC, 0, 10, count=98)
    metrics.put(METRIC, 0, 500, count=2, known=1)
    points = metrics.of(METRIC)
    assert points.statistic("Sum", 0, 1, now=2) == (None, False)
    assert points.statistic("Sum", 0, 1, now=3) == (980, False)
    assert points.statistic("Sum", 0, 5, now=4) == (1980, True)
    assert [points.statistic(name, 0, 1, now=4)[0] for name in ("p98", "p99", "Average", "SampleCount")] == [
        10, 500, 19.8, 100,
    ]  # fmt: skip
