import itertools
from typing import Any

import pytest

from compute.config import Provisioning
from compute.provisioning import ProvisionedConcurrency, ProvisionedConcurrencyArgs
from tests.support.declarations import TAGS
from tests.support.mocks import Recording, record

PROVISIONING = Provisioning(
    minimum=2,
    maximum=9,
    utilization_percent=60,
    peak_minimum=4,
    peak_start_hour=6,
    peak_end_hour=20,
    timezone="Europe/Berlin",
)


def _record(**changes: Any) -> Recording:
    args = ProvisionedConcurrencyArgs(
        component="read",
        function_name="lambda-read-dev",
        alias_name="live",
        provisioning=PROVISIONING.model_copy(update=changes),
        suffix="dev",
        tags=TAGS,
    )
    return record(lambda: ProvisionedConcurrency("provisioned", args))


@pytest.fixture(scope="module")
def provisioned() -> Recording:
    return _record()


def test_the_alias_starts_with_the_minimum_and_is_never_set_back(provisioned: Recording) -> None:
    config = provisioned.one("ProvisionedConcurrencyConfig")
    assert config.inputs["provisionedConcurrentExecutions"] == 2
    assert config.ignore_changes == ("provisionedConcurrentExecutions",)


def test_the_target_is_the_alias_within_its_bounds(provisioned: Recording) -> None:
    target = provisioned.one("Target")
    assert target.inputs["serviceNamespace"] == "lambda"
    assert target.inputs["scalableDimension"] == "lambda:function:ProvisionedConcurrency"
    assert target.inputs["resourceId"] == "function:lambda-read-dev:live"
    assert (target.inputs["minCapacity"], target.inputs["maxCapacity"]) == (2, 9)
    assert target.tags == TAGS
    assert provisioned.one("ProvisionedConcurrencyConfig").urn in target.dependencies


def test_the_policy_tracks_utilisation_as_a_ratio(provisioned: Recording) -> None:
    policy = provisioned.one("appautoscaling/policy:Policy").inputs
    assert policy["policyType"] == "TargetTrackingScaling"
    tracking = policy["targetTrackingScalingPolicyConfiguration"]
    assert tracking["targetValue"] == pytest.approx(0.6)
    metric = tracking["predefinedMetricSpecification"]["predefinedMetricType"]
    assert metric == "LambdaProvisionedConcurrencyUtilization"


def _action(recording: Recording, phase: str) -> tuple[str, str, dict[str, int]]:
    action = recording.one("ScheduledAction", name=f"schedule-read-{phase}-dev").inputs
    return action["schedule"], action["timezone"], action["scalableTargetAction"]


def test_two_schedules_raise_and_lower_the_floor_on_workdays_in_the_configured_zone(provisioned: Recording) -> None:
    assert {item.inputs["name"] for item in provisioned.of("ScheduledAction")} == {
        "schedule-read-peak-dev",
        "schedule-read-offpeak-dev",
    }
    peak = ("cron(0 6 ? * MON-FRI *)", "Europe/Berlin", {"minCapacity": 4, "maxCapacity": 9})
    offpeak = ("cron(0 20 ? * MON-FRI *)", "Europe/Berlin", {"minCapacity": 2, "maxCapacity": 9})
    assert (_action(provisioned, "peak"), _action(provisioned, "offpeak")) == (peak, offpeak)


def test_peak_hours_over_midnight_end_the_next_morning_and_not_on_monday() -> None:
    night = _record(peak_start_hour=22, peak_end_hour=4)
    assert _action(night, "peak")[0] == "cron(0 22 ? * MON-FRI *)"
    assert _action(night, "offpeak")[0] == "cron(0 4 ? * TUE-SAT *)"


def test_policy_and_schedules_name_the_target_and_change_it_one_after_the_other(provisioned: Recording) -> None:
    target = provisioned.one("Target")
    chain = [
        target,
        provisioned.one("appautoscaling/policy:Policy"),
        provisioned.one("ScheduledAction", name="schedule-read-peak-dev"),
        provisioned.one("ScheduledAction", name="schedule-read-offpeak-dev"),
    ]
    for item in chain[1:]:
        assert item.inputs["resourceId"] == target.inputs["resourceId"]
        assert target.urn in item.dependencies
    for before, after in itertools.pairwise(chain):
        assert before.urn in after.dependencies
