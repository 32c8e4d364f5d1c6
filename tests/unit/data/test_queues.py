from dataclasses import replace

import pulumi
import pytest

from data.queues import DeadLetteredQueue, DeadLetteredQueueArgs
from foundation.model import Function, Queue, QueueTrigger
from tests.support.declarations import INBOX, READ, STORE, TAGS
from tests.support.mocks import Recording, record

OUTPUTS = ("name", "arn", "url", "dead_letter_name", "dead_letter_arn", "dead_letter_url")


def _record(queue: Queue = INBOX, consumer: Function = STORE) -> Recording:
    def program() -> None:
        args = DeadLetteredQueueArgs(
            queue=queue,
            consumer=consumer,
            physical_name=f"queue-{queue.name}-dev",
            dead_letter_name=f"dlq-{queue.name}-dev",
            tags=TAGS,
        )
        built = DeadLetteredQueue(queue.name, args)
        for key in OUTPUTS:
            pulumi.export(key, getattr(built, key))

    return record(program)


@pytest.fixture(scope="module")
def inbox() -> Recording:
    return _record()


def test_the_consumers_batching_window_comes_on_top() -> None:
    trigger = QueueTrigger(queue="inbox", window_seconds=20)
    assert replace(STORE, timeout_seconds=30, trigger=trigger).visibility_seconds == 200
    assert replace(READ, timeout_seconds=10).visibility_seconds == 60


def test_outputs_name_both_queues(inbox: Recording) -> None:
    url = "https://sqs.us-east-1.amazonaws.com/123456789012"
    assert inbox.outputs == {
        "name": "queue-inbox-dev",
        "arn": "arn:aws:sqs:us-east-1:123456789012:queue-inbox-dev",
        "url": f"{url}/queue-inbox-dev",
        "dead_letter_name": "dlq-inbox-dev",
        "dead_letter_arn": "arn:aws:sqs:us-east-1:123456789012:dlq-inbox-dev",
        "dead_letter_url": f"{url}/dlq-inbox-dev",
    }
