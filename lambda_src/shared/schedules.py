"""Calls of a schedule: the payload that foundation/schedules.py declares, and the time that a call stands for.

EventBridge Scheduler calls at least once for each scheduled time, Lambda repeats failed calls, and `estate redrive` the
ones that were given up: the same time may come again, with another execution id. A function has to be idempotent for
each time, so it derives its work from `Occurrence.key`, not from the clock.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.text import shown

# `<aws.scheduler.scheduled-time>`: 2022-03-22T18:59:43Z ("Adding context attributes").
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class BadOccurrence(ValueError):
    """The payload is none of a schedule; the text has the reason."""


class Occurrence(NamedTuple):
    """One scheduled time of a schedule."""

    schedule: str
    """The schedule's ARN."""
    scheduled_time: datetime
    """The time it stands for, in UTC; the call itself comes up to a minute later, or hours if it failed before."""
    execution_id: str
    """The scheduler's name of this attempt: another one at each of them, for logs."""
    input: Mapping[str, Any]
    """The input that the catalog declares."""

    @property
    def key(self) -> str:
        """The schedule and the time: equal for all calls that stand for the same, and for no others."""
        return f"{self.schedule} {self.scheduled_time:%Y-%m-%dT%H:%M:%SZ}"


def occurrence_of(payload: object) -> Occurrence:
    """Read the payload of a call; raise BadOccurrence."""
    members = payload if isinstance(payload, Mapping) else {}
    schedule, moment, execution, given = (
        members.get(name) for name in ("schedule", "scheduledTime", "executionId", "input")
    )
    if not (isinstance(schedule, str) and isinstance(execution, str) and isinstance(given, Mapping)):
        raise BadOccurrence(
            f'the payload must have "schedule", "scheduledTime", "executionId", "input": {shown(payload)}'
        )
    return Occurrence(schedule, _moment(moment), execution, given)


def _moment(text: object) -> datetime:
    try:
        if isinstance(text, str) and _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise BadOccurrence(f'"scheduledTime" must be a time such as 2027-03-31T06:00:00Z, not {shown(text)}')
