"""EventBridge Scheduler: schedules and their groups."""

from __future__ import annotations

import re
from typing import Final

from local_aws.provider.model import Call, ResourceType, Tagging
from local_aws.provider.rules import Failure, Rule, matches, nested, one_of, within
from local_aws.provider.wire import UNKNOWN, Properties

_GONE: Final = ("ResourceNotFoundException",)
_NAME: Final = (r"[0-9a-zA-Z_.-]{1,64}", "1 to 64 alphanumerics or -_.")
_FORMS: Final = r"(rate|cron|at)\(.+\)"


_PLAIN: Final = [
    "Arn",
    "Name",
    "GroupName",
    "Description",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "FlexibleTimeWindow",
    "State",
    "ActionAfterCompletion",
    "KmsKeyArn",
]
_TARGET: Final = [
    "Arn",
    "RoleArn",
    "Input",
    "RetryPolicy",
    "DeadLetterConfig",
    "EventBridgeParameters",
    "KinesisParameters",
    "SqsParameters",
]
# Without the parameters of containers and pipelines, whose tags and lists have forms of their own.
_RECORD: Final = (
    f"{{{', '.join(f'{name}: {name}' for name in _PLAIN)}, "
    f"Target: Target.{{{', '.join(f'{name}: {name}' for name in _TARGET)}}}}}"
)


def _expression(properties: Properties) -> Failure | None:
    value = properties.get("scheduleExpression")
    if not isinstance(value, str) or re.fullmatch(_FORMS, value):
        return None
    return "scheduleExpression", f"is {value!r}; allowed: rate(…), cron(…) or at(…)"


def _window(properties: Properties) -> Failure | None:
    """A flexible window needs its length, and only that one has it."""
    window = properties.get("flexibleTimeWindow")
    if window is UNKNOWN or not isinstance(window, dict) or UNKNOWN in window.values():
        return None
    flexible, minutes = window.get("mode") == "FLEXIBLE", window.get("maximumWindowInMinutes")
    return (
        None if flexible == (minutes is not None) else ("flexibleTimeWindow", "has maximumWindowInMinutes if FLEXIBLE")
    )


_GROUP = ResourceType(
    token="aws:scheduler/scheduleGroup:ScheduleGroup",
    service="scheduler",
    gone=_GONE,
    create=[Call("create_schedule_group")],
    read=[(Call("get_schedule_group"), "@")],
    delete=[Call("delete_schedule_group")],
    tagging=Tagging("list_tags_for_resource", "tag_resource", "untag_resource", "ResourceArn"),
    force_new={"name", "namePrefix"},
    kept={"namePrefix"},
    ready="State == 'ACTIVE'",
    vanish=True,
    name_limit=64,
    rules=[matches("name", *_NAME)],
)

_retries: Final[Rule] = nested(
    "target",
    nested(
        "retryPolicy", within("maximumRetryAttempts", 0, 185), within("maximumEventAgeInSeconds", 60, 86400, "seconds")
    ),
)

_SCHEDULE = ResourceType(
    token="aws:scheduler/schedule:Schedule",
    service="scheduler",
    gone=_GONE,
    create=[Call("create_schedule")],
    read=[(Call("get_schedule", {"Name": "{name}", "GroupName": "{groupName}"}), _RECORD)],
    # An update is of the whole schedule: what it does not name goes back to its default.
    update=[Call("update_schedule", when=lambda _: True)],
    delete=[Call("delete_schedule", {"Name": "{name}", "GroupName": "{groupName}"})],
    id=("{groupName}/{name}",),
    imports=("{groupName}/{name}",),
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
    # A role that has just been made is not known everywhere.
    retry=("must allow AWS EventBridge Scheduler to assume the role",),
    rules=[
        matches("name", *_NAME),
        matches("groupName", *_NAME),
        one_of("state", "ENABLED", "DISABLED"),
        one_of("actionAfterCompletion", "NONE", "DELETE"),
        nested("flexibleTimeWindow", one_of("mode", "OFF", "FLEXIBLE"), within("maximumWindowInMinutes", 1, 1440)),
        _expression,
        _window,
        _retries,
    ],
)

TYPES: Final = (_GROUP, _SCHEDULE)
