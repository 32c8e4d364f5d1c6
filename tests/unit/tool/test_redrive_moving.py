"""Message move tasks, and what the functions' logs say about failures."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.core.errors import Failed
from estate_tool.events.dead_letters import BatchRange
from estate_tool.redrive import queue
from estate_tool.redrive.messages import Explanations
from foundation.naming import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE, TARGET = "arn:dead", "arn:queue"


class Tasks:
    """SQS with one task, whose states come one after the other; the last one stays."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, *states: tuple[str, int]) -> None:
        self.states = list(states)
        self.started: list[dict[str, Any]] = []
        self.cancelled: list[str] = []

    def list_message_move_tasks(self, *, SourceArn: str, MaxResults: int) -> dict[str, Any]:  # noqa: N803
        assert (SourceArn, MaxResults) == (SOURCE, 1)
        if not self.states:
            return {}
        status, moved = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        more = {"FailureReason": "CouldNotAssumeRole"} if status == "FAILED" else {}
        task = {"Status": status, "ApproximateNumberOfMessagesMoved": moved, "TaskHandle": "h", **more}
        return {"Results": [task]}

    def start_message_move_task(self, **request: Any) -> None:
        self.started.append(request)

    def cancel_message_move_task(self, *, TaskHandle: str) -> None:  # noqa: N803
        self.cancelled.append(TaskHandle)
        raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "CancelMessageMoveTask")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_PAUSE_SECONDS", 0)


@pytest.mark.parametrize(("rate", "pace"), [(None, {}), (50, 50), (5000, 500)])
def test_a_task_names_both_queues_and_keeps_to_the_rate_that_sqs_allows(rate: int | None, pace: Any) -> None:
    sqs = Tasks()
    queue.start_move(sqs, SOURCE, TARGET, rate)
    limit = {"MaxNumberOfMessagesPerSecond": pace} if pace else {}
    assert sqs.started == [{"SourceArn": SOURCE, "DestinationArn": TARGET, **limit}]


def test_a_task_is_followed_to_its_end() -> None:
    reported: list[int] = []
    assert queue.follow_move(Tasks(("RUNNING", 3), ("CANCELLING", 5), ("COMPLETED", 8)), SOURCE, reported.append) == 8
    assert reported == [3, 5, 8]
    assert queue.follow_move(Tasks(), SOURCE, reported.append) == 0


def test_a_task_that_failed_reports_how_far_it_came_and_why() -> None:
    with pytest.raises(Failed, match="moved 7 messages and then gave up: CouldNotAssumeRole"):
        queue.follow_move(Tasks(("FAILED", 7)), SOURCE, lambda _: None)


@pytest.mark.parametrize(("later", "cancelled"), [("RUNNING", ["h"]), ("COMPLETED", [])])
def test_interrupted_it_cancels_a_task_that_still_runs(later: str, cancelled: list[str]) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    sqs = Tasks(("RUNNING", 1), (later, 2))
    with pytest.raises(KeyboardInterrupt):
        queue.follow_move(sqs, SOURCE, interrupt)
    assert sqs.cancelled == cancelled


class Logs:
    """A log in two pages, or one that can't be read."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, *lines: Any, refused: str = "") -> None:
        self.lines = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        self.refused = refused
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> Logs:
        assert operation == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(request)
        if self.refused:
            raise ClientError({"Error": {"Code": self.refused}}, "FilterLogEvents")
        middle = len(self.lines) // 2
        for lines in (self.lines[:middle], self.lines[middle:]):
            yield {"events": [{"message": line} for line in lines]}


def explained(logs: Logs) -> Explanations:
    return Explanations(logs, Names("dev"))


def error(reason: str, **of: str) -> dict[str, str]:
    return {"level": "ERROR", "reason": reason, **of}


def test_a_failure_has_the_reason_that_was_logged_of_it_else_the_last_that_stopped_everything() -> None:
    logs = Logs(
        "no JSON", [1], {"level": "INFO", "reason": "fine"}, error("too big", messageId="m1"),
        error("bad number", sequenceNumber="15"), error("AccessDenied"), {"level": "ERROR"}, error("Throttled"),
    )  # fmt: skip
    reasons = explained(logs)
    assert [reasons.of_message("ingest", name, 5000.5) for name in ("m1", "m2")] == ["too big", "Throttled"]
    ranges = [BatchRange("a", "s", first, last) for first, last in (("10", "15"), ("16", "9"))]
    assert [reasons.of_batch("ingest", each, 0) for each in ranges] == ["bad number", "Throttled"]
    # Once, from an hour before the first failure on.
    assert [request["startTime"] for request in logs.asked] == [1_400_500]
    assert logs.asked[0]["logGroupName"] == "/aws/lambda/lambda-ingest-dev"


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
def test_a_log_that_can_not_be_read_explains_nothing_and_stops_nothing(code: str) -> None:
    assert explained(Logs(refused=code)).of_message("ingest", "m", 0) == ""


def test_any_other_error_of_the_log_is_not_hidden() -> None:
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        explained(Logs(refused="ServiceUnavailable")).of_message("ingest", "m", 0)
