import json

import pulumi_aws as aws

from foundation.roles import ExecutionRole, RoleArgs, ScheduleRole
from foundation.schedules import schedule_policy
from foundation.schedules import trust_policy as schedule_trust_policy
from tests.support.declarations import ARNS, STORE, SWEEP, TAGS
from tests.support.mocks import record


def test_who_reads_the_arn_waits_for_the_permissions() -> None:
    def program() -> None:
        role = ExecutionRole("store", RoleArgs(function=STORE, arns=ARNS, tags=TAGS))
        aws.sqs.Queue("reader", name=role.arn)

    recording = record(program)
    assert {recording.one("Role").urn, recording.one("RolePolicy").urn} <= recording.named("reader").dependencies


def test_a_schedules_role_is_for_its_group_and_calls_its_functions_alias_alone() -> None:
    def program() -> None:
        role = ScheduleRole("sweep-schedule", RoleArgs(function=SWEEP, arns=ARNS, tags=TAGS))
        aws.sqs.Queue("reader", name=role.arn)

    made = record(program)
    role, policy = made.one("iam/role:Role"), made.one("RolePolicy")
    assert (role.inputs["name"], role.tags) == ("schedule-sweep-dev", TAGS)
    group = "arn:aws:scheduler:us-east-1:123456789012:schedule-group/schedule-sweep-dev"
    assert json.loads(role.inputs["assumeRolePolicy"]) == schedule_trust_policy(group)
    alias = "arn:aws:lambda:us-east-1:123456789012:function:lambda-sweep-dev:live"
    assert json.loads(policy.inputs["policy"]) == schedule_policy(alias, ARNS.dead_letter_queue("sweep"))
    assert {role.urn, policy.urn} <= made.named("reader").dependencies
