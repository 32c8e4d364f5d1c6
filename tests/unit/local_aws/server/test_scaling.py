"""Application Auto Scaling: what depends on a target, the answers to wrong requests, and pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local_aws.server.scaling import TARGET, Scaling

Call = Callable[..., dict[str, Any]]
OF_TARGET = {
    "ServiceNamespace": "lambda", "ResourceId": "function:f:live",
    "ScalableDimension": "lambda:function:ProvisionedConcurrency",
}  # fmt: skip
BOUNDS = {"MinCapacity": 1, "MaxCapacity": 2}
TRACKING = {
    "PolicyName": "p", "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 0.7, "PredefinedMetricSpecification": {}},
}  # fmt: skip
ACTION = {"ScheduledActionName": "a", "Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 1}}


@pytest.fixture
def service() -> Scaling:
    return Scaling()


@pytest.fixture
def call(service: Scaling) -> Call:
    """The answer to an operation on the target, its error's type under `__type`."""

    def calling(operation: str, **more: Any) -> dict[str, Any]:
        headers = {"x-amz-target": TARGET + operation}
        given = json.dumps(OF_TARGET | {name: value for name, value in more.items() if name != "region"}).encode()
        status, _, body = service.answer(more.get("region", "us-east-1"), headers, given)
        answer: dict[str, Any] = json.loads(body)
        assert status == (400 if "__type" in answer else 200)
        return answer

    return calling


def test_policies_and_actions_need_a_target_and_go_with_it(call: Call, service: Scaling) -> None:
    assert call("PutScalingPolicy", **TRACKING)["__type"] == "ObjectNotFoundException"
    assert call("PutScheduledAction", **ACTION)["__type"] == "ObjectNotFoundException"
    call("RegisterScalableTarget", **BOUNDS)
    first, second = (call("PutScalingPolicy", **TRACKING)["PolicyARN"] for _ in range(2))
    call("PutScheduledAction", **ACTION)
    kept = Scaling()
    kept.restore(json.loads(json.dumps(service.state())))

    assert first == second
    assert kept.state() == service.state()
    assert call("DescribeScalableTargets", region="eu-west-1")["ScalableTargets"] == []
    call("DeregisterScalableTarget")
    assert call("DescribeScalingPolicies")["ScalingPolicies"] == []
    assert call("DescribeScheduledActions")["ScheduledActions"] == []
    assert call("DeregisterScalableTarget")["__type"] == "ObjectNotFoundException"


def test_a_target_keeps_what_a_later_registration_does_not_name(call: Call) -> None:
    call("RegisterScalableTarget", **BOUNDS, SuspendedState={"ScheduledScalingSuspended": True})
    arn = call("RegisterScalableTarget", MaxCapacity=1)["ScalableTargetARN"]
    (target,) = call("DescribeScalableTargets")["ScalableTargets"]
    assert (target["ScalableTargetARN"], target["MinCapacity"], target["MaxCapacity"]) == (arn, 1, 1)
    assert [name for name, value in target["SuspendedState"].items() if value] == ["ScheduledScalingSuspended"]


@pytest.mark.parametrize(("operation", "given"), [
    ("RegisterScalableTarget", {"MinCapacity": 1}),
    ("RegisterScalableTarget", {"MinCapacity": 3, "MaxCapacity": 2}),
    ("RegisterScalableTarget", {**BOUNDS, "ScalableDimension": "dynamodb:table:ReadCapacityUnits"}),
    ("PutScalingPolicy", {**TRACKING, "PolicyType": "PredictiveScaling"}),
    ("PutScalingPolicy", {"PolicyName": "p"}),
    ("PutScalingPolicy", {**TRACKING, "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 1}}),
    ("PutScheduledAction", {**ACTION, "Schedule": "0 6 * * *"}),
    ("PutScheduledAction", {**ACTION, "ScalableTargetAction": {}}),
    ("PutScheduledAction", {**ACTION, "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 1}}),
])  # fmt: skip
def test_wrong_requests_are_refused(call: Call, operation: str, given: dict[str, Any]) -> None:
    call("RegisterScalableTarget", **({} if operation.startswith("Register") else BOUNDS))
    assert call(operation, **given)["__type"] == "ValidationException"


def test_lists_come_in_pages_and_by_name(call: Call) -> None:
    call("RegisterScalableTarget", **BOUNDS)
    for number in range(100):
        call("PutScheduledAction", **{**ACTION, "ScheduledActionName": f"a{number}"})
    first = call("DescribeScheduledActions")
    rest = call("DescribeScheduledActions", NextToken=first["NextToken"])
    few = call("DescribeScheduledActions", ScheduledActionNames=["a7", "a8"], MaxResults=1)
    assert [len(page["ScheduledActions"]) for page in (first, rest, few)] == [50, 50, 1]
    assert ("NextToken" in rest, few["ScheduledActions"][0]["ScheduledActionName"]) == (False, "a7")
