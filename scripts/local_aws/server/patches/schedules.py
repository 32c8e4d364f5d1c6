"""EventBridge Scheduler: schedules run on time and in their time zone, in the name of their role, with dead letters.

ministack polls every ten seconds, knows UTC only, sends an event of its own instead of the input, calls the
unpublished function, needs no permission, and drops failures. As on AWS, a rate runs at once when it is created;
unlike on AWS, a time that passes while the emulator is down is skipped.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from local_aws.server.patches import access, asynchronous
from local_aws.server.patches.alarm_clock import scaled
from local_aws.server.patches.published import count
from local_aws.server.patches.target import (
    eventbridge,
    get_account_id,
    get_region,
    lambda_svc,
    new_uuid,
    on_loop,
    request_scope,
    scheduler,
)  # fmt: skip

logger = logging.getLogger("schedules")

_LOOK_SECONDS = 0.5
_LONGEST_PAUSE = 60.0
_NEVER = float("inf")
_started = time.time()


class _Plan(NamedTuple):
    changed: float
    """When the schedule was last changed: a change plans anew."""
    next: float


_plans: dict[Any, _Plan] = {}


class _Refused(Exception):
    """The target could not be called; the code and the text are AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def apply() -> None:
    """Make the corrections."""
    scheduler._SCHEDULE_TICK_INTERVAL = _LOOK_SECONDS
    scheduler._tick_schedules = _tick


def _tick() -> None:
    now = time.time()
    schedules = dict(scheduler._schedules._data)
    for gone in _plans.keys() - schedules.keys():
        del _plans[gone]
    for key, schedule in schedules.items():
        try:
            moment = _due(key, schedule, now)
        except Exception:
            # A faulty schedule must not stop the others.
            logger.exception("the schedule %s can't be read", schedule["Arn"])
            continue
        if moment is not None:
            with request_scope(key[0], key[1]):
                run = copy_context().run
                threading.Thread(target=run, args=(_run, key, schedule, moment), daemon=True).start()


def _due(key: Any, schedule: dict[str, Any], now: float) -> float | None:
    """Return the time for which the schedule is to run now, and plan the next one."""
    plan = _plans.get(key)
    if plan is None or plan.changed != schedule["LastModificationDate"]:
        plan = _plans[key] = _Plan(schedule["LastModificationDate"], _first(schedule, now))
    if plan.next > now:
        return None
    _plans[key] = plan._replace(next=_after(schedule, plan.next, now))
    return plan.next if schedule["State"] == "ENABLED" else None


def _first(schedule: dict[str, Any], now: float) -> float:
    """Return the first time since the schedule was made or changed, or since the emulator runs."""
    expression, changed = schedule["ScheduleExpression"], schedule["LastModificationDate"]
    if (once := _once(schedule)) is not None:
        return once if once >= max(_started, changed) else _NEVER
    new = schedule["CreationDate"] == changed >= _started
    return changed if new and eventbridge._parse_rate_seconds(expression) else _after(schedule, changed, now)


def _after(schedule: dict[str, Any], previous: float, now: float) -> float:
    """Return the next time after the previous one that is still to come."""
    expression = schedule["ScheduleExpression"]
    if rate := eventbridge._parse_rate_seconds(expression):
        seconds = scaled(rate)
        return previous + seconds * (1 + max(0, (now - previous) // seconds))
    fields = eventbridge._parse_cron_fields(expression)
    return _NEVER if fields is None else _next_of_cron(fields, ZoneInfo(schedule["ScheduleExpressionTimezone"]), now)


def _next_of_cron(fields: Any, zone: ZoneInfo, now: float) -> float:
    """Return the next moment at which clocks in the zone show a time of the expression, for the first time."""
    shown = datetime.fromtimestamp(now, zone).replace(tzinfo=UTC)
    while (shown := eventbridge._cron_next_fire(fields, shown)) is not None:
        moment = shown.replace(tzinfo=zone).timestamp()
        # Clocks that are put forward never show it, clocks that are put back show it twice.
        if moment > now and datetime.fromtimestamp(moment, zone).replace(tzinfo=UTC) == shown:
            return moment
    return _NEVER


def _once(schedule: dict[str, Any]) -> float | None:
    text = schedule["ScheduleExpression"]
    if not text.startswith("at("):
        return None
    zone = ZoneInfo(schedule["ScheduleExpressionTimezone"])
    return datetime.fromisoformat(text[3:-1]).replace(tzinfo=zone).timestamp()


def _run(key: Any, schedule: dict[str, Any], moment: float) -> None:
    """Call the target until it takes the call, or the schedule's retry policy is exhausted."""
    target, group = schedule["Target"], schedule["GroupName"]
    policy = target.get("RetryPolicy") or {}
    most, oldest = policy.get("MaximumRetryAttempts", 185), policy.get("MaximumEventAgeInSeconds", 86_400)
    attempt = 0
    # Deleting a schedule ends its retries.
    while key in scheduler._schedules._data:
        attempt += 1
        payload, execution = _payload(schedule, moment, attempt)
        count("AWS/Scheduler", "InvocationAttemptCount", 1, ScheduleGroup=group)
        try:
            _call(schedule, payload)
        except _Refused as error:
            count("AWS/Scheduler", "TargetErrorCount", 1, ScheduleGroup=group)
            pause = scaled(min(_LONGEST_PAUSE, 2.0**attempt))
            exhausted = "MaximumRetryAttempts" if attempt > most else ""
            if not exhausted and time.time() + pause > moment + oldest:
                exhausted = "MaximumEventAgeInSeconds"
            if exhausted:
                count("AWS/Scheduler", "InvocationDroppedCount", 1, ScheduleGroup=group)
                reason = {"EXHAUSTED_RETRY_CONDITION": exhausted, "RETRY_ATTEMPTS": str(attempt - 1)}
                _report(schedule, payload, {**reason, **_context(schedule, moment, execution), **_error(error)})
                return
            time.sleep(pause)
        else:
            return


def _error(error: _Refused) -> dict[str, str]:
    return {"ERROR_CODE": error.code, "ERROR_MESSAGE": str(error)}


def _context(schedule: dict[str, Any], moment: float, execution: str) -> dict[str, str]:
    return {
        "SCHEDULE_ARN": schedule["Arn"], "TARGET_ARN": schedule["Target"]["Arn"], "SCHEDULED_TIME": _text(moment),
        "EXECUTION_ID": execution,
    }  # fmt: skip


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _payload(schedule: dict[str, Any], moment: float, attempt: int) -> tuple[str, str]:
    """Return the input with the context attributes filled in, and the execution ID."""
    execution = new_uuid()
    text = schedule["Target"].get("Input") or "{}"
    for name, value in (
        ("schedule-arn", schedule["Arn"]), ("scheduled-time", _text(moment)), ("execution-id", execution),
        ("attempt-number", str(attempt)),
    ):  # fmt: skip
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text, execution


def _call(schedule: dict[str, Any], payload: str) -> None:
    """Call the target in the name of the schedule's role; raise _Refused."""
    target = schedule["Target"]
    role, arn = target["RoleArn"], target["Arn"]
    group = f"arn:aws:scheduler:{get_region()}:{get_account_id()}:schedule-group/{schedule['GroupName']}"
    if not access.trusts(role, "scheduler.amazonaws.com", group):
        raise _Refused("AccessDeniedException", f"{role} does not let EventBridge Scheduler assume it for {group}")
    if arn.split(":")[2] != "lambda":
        # Other targets get what ministack hands them.
        eventbridge._invoke_target({**target, "Input": payload}, {"Source": "aws.scheduler"}, schedule)
        return
    if not access.role_allows(role, "lambda:InvokeFunction", arn):
        raise _Refused("AccessDeniedException", f"{role} is not authorized to perform lambda:InvokeFunction on {arn}")
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        raise _Refused("ResourceNotFoundException", f"Function not found: {arn}")
    asynchronous.invoke_later(lambda_svc._execution_record_for_config(function, config), json.loads(payload))


def _report(schedule: dict[str, Any], payload: str, attributes: dict[str, str]) -> None:
    """Put the payload of a call that was given up into the schedule's dead-letter queue."""
    target, group = schedule["Target"], schedule["GroupName"]
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    sent = on_loop(asynchronous.send, target["RoleArn"], queue, payload, attributes)
    name = "InvocationsSentToDeadLetterCount" if sent else "InvocationsFailedToBeSentToDeadLetterCount"
    count("AWS/Scheduler", name, 1, ScheduleGroup=group)
