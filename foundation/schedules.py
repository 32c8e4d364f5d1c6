"""Schedules of functions: validation, the payload of a call, and the policies of their roles."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from foundation import schedule_expressions
from foundation.model import ScheduleTrigger
from foundation.problems import Problem

# The size of a call's payload ("Quotas for Amazon EventBridge Scheduler").
MOST_INPUT_BYTES = 262_144
# "Adding context attributes": the scheduler replaces these by values.
_CONTEXT = {
    "schedule": "<aws.scheduler.schedule-arn>",
    "scheduledTime": "<aws.scheduler.scheduled-time>",
    "executionId": "<aws.scheduler.execution-id>",
}


def invalid_schedule(where: str, trigger: ScheduleTrigger) -> Iterator[Problem]:
    """Yield all problems of a declared schedule."""
    if allowed := schedule_expressions.problem(trigger.expression):
        yield Problem(where=f"{where} expression", value=trigger.expression, allowed=allowed)
    # Declarations are Python, which does not enforce their types.
    declared: Mapping[str, Any] = vars(trigger)
    zone, enabled = declared["timezone"], declared["enabled"]
    if not isinstance(zone, str) or not schedule_expressions.is_time_zone(zone):
        yield Problem(where=f"{where} timezone", value=zone, allowed=schedule_expressions.TIME_ZONES)
    if not isinstance(enabled, bool):
        yield Problem(where=f"{where} enabled", value=enabled, allowed="True or False")
    yield from _invalid_input(f"{where} input", trigger.input)


def _invalid_input(where: str, value: object) -> Iterator[Problem]:
    try:
        text = _json({**_CONTEXT, "input": value})
    except (TypeError, ValueError, RecursionError):
        text = None
    if text is None or not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        allowed = "a JSON object: texts as keys; values of texts, finite numbers, True, False, None, lists and objects"
        yield Problem(where=where, value=value, allowed=allowed)
    elif len(text.encode()) > MOST_INPUT_BYTES:
        allowed = f"at most {MOST_INPUT_BYTES} bytes of JSON, with the context of the call"
        yield Problem(where=where, value=f"{len(text.encode())} bytes", allowed=allowed)


def payload(trigger: ScheduleTrigger) -> str:
    """Return the target's input as JSON, as `shared.schedules` of the handlers reads it."""
    return _json({**_CONTEXT, "input": trigger.input})


def declared_input(content: object) -> Mapping[str, Any] | None:
    """Return the input of a payload; None if the content is no payload."""
    if not isinstance(content, Mapping) or {key: content[key] for key in content if key != "input"} != _CONTEXT:
        return None
    given = content.get("input")
    return given if isinstance(given, Mapping) else None


def trust_policy(group_arn: str) -> dict[str, Any]:
    """Return the trust policy of a schedule's role: EventBridge Scheduler may assume it for schedules of the group.

    The condition takes the group, not the schedule ("Confused deputy prevention in EventBridge Scheduler").
    """
    statement = {
        "Sid": "AssumedByScheduler",
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": group_arn.split(":")[4], "aws:SourceArn": group_arn}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def schedule_policy(alias_arn: str, failure_queue_arn: str) -> dict[str, Any]:
    """Return the permissions of a schedule: call the function's alias, send failures to its dead-letter queue."""
    statements = [
        {"Sid": "CallFunction", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": alias_arn},
        {"Sid": "ReportFailures", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": failure_queue_arn},
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
