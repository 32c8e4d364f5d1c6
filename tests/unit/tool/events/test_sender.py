from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from estate_tool.events import sender
from estate_tool.events.sender import BATCH_BYTES, Delivery, Interrupted, Message, NotAccepted, Sender, batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def messages(count: int, first: int = 1) -> list[Message]:
    return [Message(number, f"m{number}", None) for number in range(first, first + count)]


class FakeQueue:
    """Takes what `answer` does not object to: it may return failed entries by body, or raise."""

    def __init__(self, answer: Callable[[list[str]], dict[str, dict[str, Any]]] = lambda _: {}) -> None:
        self.taken: list[str] = []
        self.calls: list[list[str]] = []
        self._answer = answer
        self._lock = threading.Lock()

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 (boto3's)
        assert QueueUrl == "url"
        with self._lock:
            bodies = [entry["MessageBody"] for entry in Entries]
            self.calls.append(bodies)
            failed = self._answer(bodies)
            successful = []
            for entry in Entries:
                if entry["MessageBody"] not in failed:
                    self.taken.append(entry["MessageBody"])
                    successful.append({"Id": entry["Id"], "MessageId": f"id-{len(self.taken)}"})
            failures = [{"Id": e["Id"], **failed[e["MessageBody"]]} for e in Entries if e["MessageBody"] in failed]
            return {"Successful": successful, "Failed": failures}


class Account:
    """Account of a sender."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []

    def __call__(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    @property
    def sent(self) -> list[str]:
        return [message.text for delivery in self.deliveries for message, _ in delivery.sent]

    @property
    def ids(self) -> list[str]:
        return [message_id for delivery in self.deliveries for _, message_id in delivery.sent]


def error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "SendMessageBatch")


def test_a_batch_has_ten_messages_at_most_in_order() -> None:
    cut = list(batches(messages(25)))
    assert [len(batch) for batch in cut] == [10, 10, 5]
    assert [message for batch in cut for message in batch] == messages(25)
    assert list(batches([])) == []


def test_a_batch_stays_within_its_bytes_counted_in_utf_8() -> None:
    half = Message(1, "é" * (BATCH_BYTES // 4), None)
    cut = list(batches([half, half, half]))
    assert [len(batch) for batch in cut] == [2, 1]
    assert [len(batch) for batch in batches([Message(1, "x" * BATCH_BYTES, None)] * 2)] == [1, 1]


def test_everything_is_sent_once_and_accounted_for_in_order() -> None:
    queue, account = FakeQueue(), Account()
    Sender(queue, "url").run(batches(messages(1_234)), account)
    assert account.sent == [message.text for message in messages(1_234)]
    assert Counter(queue.taken) == Counter(account.sent)
    assert len(set(account.ids)) == 1_234
    assert [delivery.last_line for delivery in account.deliveries][-2:] == [1_230, 1_234]


def test_only_the_entries_that_failed_are_sent_again() -> None:
    failing = {"m3": 2, "m7": 1}

    def answer(bodies: list[str]) -> dict[str, dict[str, Any]]:
        failed = {}
        for body in bodies:
            if failing.get(body):
                failing[body] -= 1
                failed[body] = {"Code": "InternalError", "SenderFault": False}
        return failed

    queue, account = FakeQueue(answer), Account()
    Sender(queue, "url").run(batches(messages(10)), account)
    assert queue.calls == [[f"m{n}" for n in range(1, 11)], ["m3", "m7"], ["m3"]]
    assert Counter(account.sent) == Counter(queue.taken) == Counter(f"m{n}" for n in range(1, 11))


@pytest.mark.parametrize(
    "trouble",
    [error("ThrottlingException"), error("RequestThrottled", 403), error("InternalFailure", 500),
     EndpointConnectionError(endpoint_url="http://x")],
)  # fmt: skip
def test_a_call_that_may_work_later_is_made_again(trouble: Exception) -> None:
    left = [trouble, trouble]

    def answer(_: list[str]) -> dict[str, dict[str, Any]]:
        if left:
            raise left.pop()
        return {}

    queue, account = FakeQueue(answer), Account()
    Sender(queue, "url", threads=1).run(batches(messages(3)), account)
    assert account.sent == ["m1", "m2", "m3"]
    assert len(queue.calls) == 3


def test_throttled_entries_are_sent_again_even_when_sqs_blames_the_sender() -> None:
    left = [1]

    def answer(bodies: list[str]) -> dict[str, dict[str, Any]]:
        return {bodies[0]: {"Code": "RequestThrottled", "SenderFault": True}} if left and left.pop() else {}

    account = Account()
    Sender(FakeQueue(answer), "url").run(batches(messages(2)), account)
    assert Counter(account.sent) == Counter(["m1", "m2"])


def test_a_message_at_fault_is_refused_by_its_line_and_the_others_are_sent() -> None:
    bad = {"m2": {"Code": "InvalidMessageContents", "Message": "no", "SenderFault": True}}
    queue, account = FakeQueue(lambda _: bad), Account()
    Sender(queue, "url").run(batches(messages(3)), account)
    (delivery,) = account.deliveries
    assert delivery.refused == [(messages(3)[1], "SQS refuses it, InvalidMessageContents: no")]
    assert account.sent == ["m1", "m3"]
    assert len(queue.calls) == 1


def test_what_can_never_work_ends_it_at_once_with_all_that_was_sent_accounted_for() -> None:
    def answer(bodies: list[str]) -> dict[str, dict[str, Any]]:
        if "m41" in bodies:
            raise error("AccessDenied", 403)
        return {}

    queue, account = FakeQueue(answer), Account()
    with pytest.raises(ClientError, match="AccessDenied"):
        Sender(queue, "url", threads=4).run(batches(messages(1_000)), account)
    assert Counter(account.sent) == Counter(queue.taken)
    assert sum(["m41" in call for call in queue.calls]) == 1
    assert len(queue.taken) < 1_000


def test_retries_ends_and_the_line_that_was_not_taken_is_named() -> None:
    always = {"m2": {"Code": "InternalError", "Message": "busy", "SenderFault": False}}
    account = Account()
    with pytest.raises(NotAccepted, match="did not take line 2: InternalError: busy"):
        Sender(FakeQueue(lambda _: always), "url", retry_seconds=0.05).run(batches(messages(3)), account)
    assert account.sent == ["m1", "m3"]
    assert account.deliveries[0].error is not None


def test_memory_is_bounded_by_batches_under_way_not_by_the_input() -> None:
    ahead: list[int] = []
    account = Account()

    def source() -> Iterator[list[Message]]:
        for number in range(1, 2_001):
            ahead.append(number - len(account.deliveries))
            yield [Message(number, f"m{number}", None)]

    Sender(FakeQueue(), "url", threads=2).run(source(), account)
    assert len(account.sent) == 2_000
    assert max(ahead) <= 2 * 4 + 1


def test_what_is_in_the_way_is_reported_while_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_IDLE_SECONDS", 0.01)
    reported: list[str] = []
    heard = threading.Event()

    def answer(_: list[str]) -> dict[str, dict[str, Any]]:
        if not heard.is_set():
            raise error("ThrottlingException")
        return {}

    def idle(trouble: str) -> None:
        if trouble:
            reported.append(trouble)
            heard.set()

    account = Account()
    Sender(FakeQueue(answer), "url").run(batches(messages(3)), account, idle)
    assert account.sent == ["m1", "m2", "m3"]
    assert "ThrottlingException" in reported[0]


def test_an_interrupt_while_reading_stops_with_all_that_was_sent_accounted_for() -> None:
    before = signal.getsignal(signal.SIGINT)

    def source() -> Iterator[list[Message]]:
        yield from batches(messages(95))
        signal.raise_signal(signal.SIGINT)
        yield from batches(messages(1_000, first=96))

    queue, account = FakeQueue(), Account()
    with pytest.raises(Interrupted):
        Sender(queue, "url", threads=2).run(source(), account)
    assert Counter(account.sent) == Counter(queue.taken)
    assert set(account.sent) <= {message.text for message in messages(95)}
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_while_accounting_waits_for_the_account() -> None:
    queue, account = FakeQueue(), Account()

    def accounting(delivery: Delivery) -> None:
        if not account.deliveries:
            signal.raise_signal(signal.SIGINT)
        account(delivery)

    with pytest.raises(Interrupted):
        Sender(queue, "url", threads=2).run(batches(messages(1_000)), accounting)
    assert Counter(account.sent) == Counter(queue.taken)


def test_an_interrupt_ends_the_pause_between_two_attempts() -> None:
    interrupts = [signal.SIGINT]

    def answer(_: list[str]) -> dict[str, dict[str, Any]]:
        if interrupts:
            # To the process, as a terminal does it; it reaches the main thread, which waits for this one.
            os.kill(os.getpid(), interrupts.pop())
        raise error("ThrottlingException")

    account = Account()
    with pytest.raises(Interrupted):
        Sender(FakeQueue(answer), "url", threads=1, retry_seconds=1e9).run(batches(messages(5)), account)
    assert account.sent == []
