import json
from dataclasses import replace

import pulumi
import pytest

from data.queues import DeadLetteredQueue, DeadLetteredQueueArgs
from foundation.model import Function, Queue, QueueTrigger
from foundation.resource_policies import queue_policy
from tests.support.declarations import INBOX, READ, STORE, TAGS
from tests.support.mocks import Recording, Registration, record

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


def _source(recording: Recording) -> Registration:
    return recording.one("sqs/queue:Queue", name="queue-inbox-dev")


def _dead_letters(recording: Recording) -> Registration:
    return recording.one("sqs/queue:Queue", name="dlq-inbox-dev")


@pytest.mark.parametrize("seconds", [1, 30, 900])
def test_a_message_stays_invisible_for_six_times_its_consumers_timeout(seconds: int) -> None:
    recording = _record(consumer=replace(STORE, timeout_seconds=seconds))
    assert _source(recording).inputs["visibilityTimeoutSeconds"] == 6 * seconds


def test_the_consumers_batching_window_comes_on_top() -> None:
    trigger = QueueTrigger(queue="inbox", window_seconds=20)
    assert replace(STORE, timeout_seconds=30, trigger=trigger).visibility_seconds == 200
    assert replace(READ, timeout_seconds=10).visibility_seconds == 60


@pytest.mark.parametrize("receives", [5, 9])
def test_a_message_received_too_often_goes_to_the_queues_own_dead_letters(receives: int) -> None:
    recording = _record(replace(INBOX, max_receive_count=receives))
    assert json.loads(_source(recording).inputs["redrivePolicy"]) == {
        "deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dlq-inbox-dev",
        "maxReceiveCount": receives,
    }


def test_only_this_queue_may_use_the_dead_letter_queue(inbox: Recording) -> None:
    allow = inbox.one("RedriveAllowPolicy")
    assert allow.inputs["queueUrl"] == inbox.outputs["dead_letter_url"]
    assert json.loads(allow.inputs["redriveAllowPolicy"]) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": ["arn:aws:sqs:us-east-1:123456789012:queue-inbox-dev"],
    }


@pytest.mark.parametrize("days", [1, 4, 7])
def test_dead_letters_live_longer_than_messages(days: int) -> None:
    recording = _record(replace(INBOX, retention_days=days))
    assert _source(recording).inputs["messageRetentionSeconds"] == days * 86_400
    assert _dead_letters(recording).inputs["messageRetentionSeconds"] == 14 * 86_400


def test_dead_letters_are_not_redriven_further(inbox: Recording) -> None:
    assert "redrivePolicy" not in _dead_letters(inbox).inputs


def test_both_queues_are_encrypted_and_tagged(inbox: Recording) -> None:
    for queue in inbox.of("sqs/queue:Queue"):
        assert queue.inputs["sqsManagedSseEnabled"] is True
        assert queue.tags == TAGS


def test_each_of_the_queues_has_its_own_policy(inbox: Recording) -> None:
    policies = {item.inputs["queueUrl"]: json.loads(item.inputs["policy"]) for item in inbox.of("QueuePolicy")}
    assert policies == {
        inbox.outputs["url"]: queue_policy(inbox.outputs["arn"]),
        inbox.outputs["dead_letter_url"]: queue_policy(inbox.outputs["dead_letter_arn"]),
    }


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
