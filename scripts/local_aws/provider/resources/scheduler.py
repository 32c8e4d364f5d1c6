"""EventBridge Scheduler: schedules and their groups."""

from __future__ import annotations

from typing import Final

from local_aws.provider.model import Call, ResourceType, Tagging

_GONE: Final = ("ResourceNotFoundException",)


def _fields(names: str) -> str:
    return ", ".join(f"{name}: {name}" for name in names.split())


# Without the parameters of containers and pipelines, whose tags and lists have forms of their own.
_RECORD: Final = (
    f"{{{_fields('Arn Name GroupName Description ScheduleExpression ScheduleExpressionTimezone FlexibleTimeWindow')}, "
    f"{_fields('State ActionAfterCompletion KmsKeyArn')}, Target: Target.{{{_fields('Arn RoleArn Input RetryPolicy')}, "
    f"{_fields('DeadLetterConfig EventBridgeParameters KinesisParameters SqsParameters')}}}}}"
)


_GROUP = ResourceType(
    token="aws:scheduler/scheduleGroup:ScheduleGroup",
    service="scheduler",
    gone=_GONE,
    create=[Call("create_schedule_group")],
    tagging=Tagging("list_tags_for_resource", "tag_resource", "untag_resource", "ResourceArn"),
    force_new={"name", "namePrefix"},
    kept={"namePrefix"},
    ready="State == 'ACTIVE'",
    vanish=True,
    name_limit=64,
)


_SCHEDULE = ResourceType(
    token="aws:scheduler/schedule:Schedule",
    service="scheduler",
    gone=_GONE,
    create=[Call("create_schedule")],
    read=[(Call("get_schedule", {"Name": "{name}", "GroupName": "{groupName}"}), _RECORD)],
    # An update replaces the whole schedule: parameters that are absent return to their defaults.
    update=[Call("update_schedule", when=lambda _: True)],
    delete=[Call("delete_schedule", {"Name": "{name}", "GroupName": "{groupName}"})],
    id=("{groupName}/{name}",),
    force_new={"name", "namePrefix", "groupName"},
    defaults={
        "actionAfterCompletion": "NONE",
        "groupName": "default",
        "scheduleExpressionTimezone": "UTC",
        "state": "ENABLED",
    },
    kept={"namePrefix"},
    unsupported={"startDate", "endDate"},
    name_limit=64,
    limits={"scheduleExpression": {"pattern": r"(rate|cron|at)\(.+\)"}},
    # A role that has just been made is not known everywhere.
    retry=("must allow AWS EventBridge Scheduler to assume the role",),
)

TYPES: Final = (_GROUP, _SCHEDULE)
