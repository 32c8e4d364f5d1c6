"""Roles; their resources are a snapshot in tests/stacks/test_components.py."""

import pulumi_aws as aws
import pytest

from foundation.roles import ExecutionRole, RoleArgs, ScheduleRole
from tests.support.declarations import ARNS, SWEEP, TAGS
from tests.support.mocks import record


@pytest.mark.parametrize("role", [ExecutionRole, ScheduleRole])
def test_dependents_of_the_arn_wait_for_the_permissions(role: type[ExecutionRole | ScheduleRole]) -> None:
    def program() -> None:
        args = RoleArgs(function=SWEEP, arns=ARNS, tags=TAGS)
        aws.sqs.Queue("reader", name=role("sweep", args).arn)

    recording = record(program)
    made, reader = recording.one("iam/role:Role"), recording.named("reader")
    assert reader.inputs["name"] == made.outputs["arn"]
    assert {made.urn, recording.one("RolePolicy").urn} <= reader.dependencies
