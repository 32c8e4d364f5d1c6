"""Roles; their resources are a snapshot in tests/stacks/test_components.py."""

import pulumi_aws as aws
import pytest

from foundation.roles import ExecutionRole, RoleArgs, ScheduleRole
from tests.support.declarations import ARNS, SWEEP, TAGS
from tests.support.mocks import record


@pytest.mark.parametrize("role", [ExecutionRole, ScheduleRole])
def test_dependents_of_the_arn_wait_for_the_permissions(role: type[ExecutionRole | ScheduleRole]) -> None:
    def program() -> None:
        made = role("sweep", RoleArgs(function=SWEEP, arns=ARNS, tags=TAGS))
        aws.sqs.Queue("reader", name=made.arn)

    recording = record(program)
    assert {recording.one("iam/role:Role").urn, recording.one("RolePolicy").urn} <= recording.named(
        "reader"
    ).dependencies
