"""Batches from several threads: each message is sent once and accounted for, through errors and interrupts."""

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

Failures = dict[str, dict[str, Any]]
"""Failed entries by body."""


def messages(count: int, first: int = 1) -> list[Message]:
    return [Message(number, f"m{number}", None) for number in range(first, first + count)]


class FakeQueue:
    """Takes what `answer` neither raises for nor returns as failed; accounts for what its sender delivers."""

    def __init__(self, answer: Callable[[list[str]], Failures] = lambda _: {}) -> None:
        self.taken: list[str] = []
        self.calls: list[list[str]] = []
        self.deliveries: list[Delivery] = []
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

    def send(self, source: int | Iterator[list[Message]], **options: Any) -> list[str]:
        """Send so many messages, or these batches; the ones that are delivered."""
        some = batches(messages(source)) if isinstance(source, int) else source
        account, idle = options.pop("account", self.deliveries.append), options.pop("idle", lambda _: None)
        Sender(self, "url", **options).run(some, account, idle)
        return self.sent

    @property
    def sent(self) -> list[str]:
        return [message.text for delivery in self.deliveries for message, _ in delivery.sent]


def error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "SendMessageBatch")


@pytest.mark.parametrize(
    ("text", "count", "sizes"),
    [
        ("m", 25, [10, 10, 5]), ("m", 0, []), ("é" * (BATCH_BYTES // 4), 3, [2, 1]), ("x" * BATCH_BYTES, 2, [1, 1]),
    ],
    ids=["ten", "none", "bytes", "largest"],
)  # fmt: skip
def test_a_batch_stays_within_the_limits_of_a_request(text: str, count: int, sizes: list[int]) -> None:
    sent = [Message(number, text, None) for number in range(count)]
    cut = list(batches(sent))
    assert [len(batch) for batch in cut] == sizes
    assert [message for batch in cut for message in batch] == sent


def test_everything_is_sent_once_and_accounted_for_in_order() -> None:
    queue = FakeQueue()
    assert queue.send(1_234) == [message.text for message in messages(1_234)]
    assert Counter(queue.taken) == Counter(queue.sent)
    assert len({message_id for delivery in queue.deliveries for _, message_id in delivery.sent}) == 1_234
    assert [delivery.last_line for delivery in queue.deliveries][-2:] == [1_230, 1_234]


# SQS may well call throttling the sender's fault.
@pytest.mark.parametrize("failure", [("InternalError", False), ("RequestThrottled", True), ("OverLimit", True)])
def test_only_the_entries_that_failed_are_sent_again(failure: tuple[str, bool]) -> None:
    failing = {"m3": 2, "m7": 1}

    def answer(bodies: list[str]) -> Failures:
        failed = [body for body in bodies if failing.get(body)]
        failing.update((body, failing[body] - 1) for body in failed)
        return {body: {"Code": failure[0], "SenderFault": failure[1]} for body in failed}

    queue = FakeQueue(answer)
    assert Counter(queue.send(10)) == Counter(queue.taken) == Counter(f"m{n}" for n in range(1, 11))
    assert queue.calls == [[f"m{n}" for n in range(1, 11)], ["m3", "m7"], ["m3"]]


@pytest.mark.parametrize("trouble", [error("ThrottlingException"), EndpointConnectionError(endpoint_url="http://x")])
def test_a_call_that_may_work_later_is_made_again_and_its_trouble_reported(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_IDLE_SECONDS", 0.01)
    reported: list[str] = []

    def answer(_: list[str]) -> Failures:
        if not any(reported):
            raise trouble
        return {}

    assert FakeQueue(answer).send(3, idle=reported.append) == ["m1", "m2", "m3"]
    assert str(trouble) in reported


def test_a_message_at_fault_is_refused_by_its_line_and_the_others_are_sent() -> None:
    queue = FakeQueue(lambda _: {"m2": {"Code": "InvalidMessageContents", "Message": "no", "SenderFault": True}})
    assert queue.send(3) == ["m1", "m3"]
    (delivery,) = queue.deliveries
    assert delivery.refused == [(messages(3)[1], "SQS refuses it, InvalidMessageContents: no")]
    assert len(queue.calls) == 1


def test_an_error_that_lasts_ends_it_at_once_with_all_that_was_sent_accounted_for() -> None:
    def answer(bodies: list[str]) -> Failures:
        if "m41" in bodies:
            raise error("AccessDenied", 403)
        return {}

    queue = FakeQueue(answer)
    with pytest.raises(ClientError, match="AccessDenied"):
        queue.send(1_000, threads=4)
    assert Counter(queue.sent) == Counter(queue.taken)
    assert sum("m41" in call for call in queue.calls) == 1
    assert len(queue.taken) < 1_000


def test_retries_end_and_the_line_that_was_not_taken_is_named() -> None:
    queue = FakeQueue(lambda _: {"m2": {"Code": "InternalError", "Message": "busy", "SenderFault": False}})
    with pytest.raises(NotAccepted, match="did not take line 2: InternalError: busy"):
        queue.send(3, retry_seconds=0.05)
    assert queue.sent == ["m1", "m3"]
    assert queue.deliveries[0].error is not None


def test_memory_is_bounded_by_batches_under_way_not_by_the_input() -> None:
    ahead: list[int] = []
    queue = FakeQueue()

    def source() -> Iterator[list[Message]]:
        for number in range(1, 501):
            ahead.append(number - len(queue.deliveries))
            yield [Message(number, f"m{number}", None)]

    assert len(queue.send(source(), threads=2)) == 500
    assert max(ahead) <= 2 * 4 + 1


def test_an_interrupt_while_reading_stops_with_all_that_was_sent_accounted_for() -> None:
    before = signal.getsignal(signal.SIGINT)

    def source() -> Iterator[list[Message]]:
        yield from batches(messages(95))
        signal.raise_signal(signal.SIGINT)
        yield from batches(messages(1_000, first=96))

    queue = FakeQueue()
    with pytest.raises(Interrupted):
        queue.send(source(), threads=2)
    assert Counter(queue.sent) == Counter(queue.taken)
    assert set(queue.sent) <= {message.text for message in messages(95)}
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_while_accounting_waits_for_the_account() -> None:
    queue = FakeQueue()

    def accounting(delivery: Delivery) -> None:
        if not queue.deliveries:
            signal.raise_signal(signal.SIGINT)
        queue.deliveries.append(delivery)

    with pytest.raises(Interrupted):
        queue.send(1_000, threads=2, account=accounting)
    assert Counter(queue.sent) == Counter(queue.taken)


def test_an_interrupt_ends_the_pause_between_two_attempts() -> None:
    interrupts = [signal.SIGINT]

    def answer(_: list[str]) -> Failures:
        if interrupts:
            # To the process, as a terminal does it; it reaches the main thread, which waits for this one.
            os.kill(os.getpid(), interrupts.pop())
        raise error("ThrottlingException")

    queue = FakeQueue(answer)
    with pytest.raises(Interrupted):
        queue.send(5, threads=1, retry_seconds=1e9)
    assert queue.sent == []
