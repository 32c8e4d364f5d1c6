"""Message move tasks of SQS: started, followed, and cancelled when the user interrupts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.core.errors import Failed
from estate_tool.redrive import move_task

SOURCE, TARGET = "arn:dead", "arn:queue"


class Tasks:
    """SQS with one task, whose states come one after the other; the last one stays."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, *states: tuple[str, int]) -> None:
        self.states = list(states)
        self.cancelled: list[str] = []

    def list_message_move_tasks(self, *, SourceArn: str, MaxResults: int) -> dict[str, Any]:  # noqa: N803
        assert (SourceArn, MaxResults) == (SOURCE, 1)
        if not self.states:
            return {}
        status, moved = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        more = {"FailureReason": "CouldNotAssumeRole"} if status == "FAILED" else {}
        task = {"Status": status, "ApproximateNumberOfMessagesMoved": moved, "TaskHandle": "h", **more}
        return {"Results": [task]}

    def cancel_message_move_task(self, *, TaskHandle: str) -> None:  # noqa: N803
        self.cancelled.append(TaskHandle)
        raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "CancelMessageMoveTask")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move_task, "_PAUSE_SECONDS", 0)


def test_a_task_is_followed_to_its_end() -> None:
    reported: list[int] = []
    assert (
        move_task.follow_move(Tasks(("RUNNING", 3), ("CANCELLING", 5), ("COMPLETED", 8)), SOURCE, reported.append) == 8
    )
    assert reported == [3, 5, 8]
    assert move_task.follow_move(Tasks(), SOURCE, reported.append) == 0


def test_a_task_that_failed_reports_how_far_it_came_and_why() -> None:
    with pytest.raises(Failed, match="moved 7 messages and then gave up: CouldNotAssumeRole"):
        move_task.follow_move(Tasks(("FAILED", 7)), SOURCE, lambda _: None)


@pytest.mark.parametrize(("later", "cancelled"), [("RUNNING", ["h"]), ("COMPLETED", [])])
def test_interrupted_it_cancels_a_task_that_still_runs(later: str, cancelled: list[str]) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    sqs = Tasks(("RUNNING", 1), (later, 2))
    with pytest.raises(KeyboardInterrupt):
        move_task.follow_move(sqs, SOURCE, interrupt)
    assert sqs.cancelled == cancelled
