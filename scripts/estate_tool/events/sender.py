"""Messages into a queue, in batches, from several threads; nothing is lost and nothing is counted twice."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from estate_tool.core import retries
from estate_tool.core.errors import EstateError
from shared.batches import BATCH_BYTES, BATCH_MESSAGES, batches_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from tenacity import RetryCallState

THREADS = 16
# For how long a batch is tried again.
RETRY_SECONDS = 60.0
_IDLE_SECONDS = 1.0


class Message(NamedTuple):
    """A line to send: its number, its text, and the key of the event it is (None if it is no valid one)."""

    number: int
    text: str
    event: bytes | None


@dataclass(kw_only=True)
class Delivery:
    """Result of a batch: messages with their ids, refused ones with the reason, and why it ended early."""

    last_line: int
    sent: list[tuple[Message, str]] = field(default_factory=list)
    refused: list[tuple[Message, str]] = field(default_factory=list)
    error: Exception | None = None


class NotAccepted(EstateError):
    """SQS took a call but not all of its messages, for a reason of its own, until the time for retries was over."""


class Interrupted(Exception):
    """The user pressed Ctrl-C; batches under way have been accounted for."""


def batches(messages: Iterable[Message], largest: int = BATCH_BYTES) -> Iterator[list[Message]]:
    """Cut the messages into batches that SendMessageBatch takes, in order."""
    return batches_within(
        messages, size_of=lambda message: len(message.text.encode("utf-8")), most=BATCH_MESSAGES, most_bytes=largest
    )


class Sender:
    """Sends batches to one queue. One use only."""

    def __init__(self, sqs: Any, url: str, *, threads: int = THREADS, retry_seconds: float = RETRY_SECONDS) -> None:
        self._sqs = sqs
        self._url = url
        self._threads = threads
        self._retry_seconds = retry_seconds
        self._stop = threading.Event()
        self._reading = False
        self._trouble = ""

    def run(
        self,
        some: Iterable[list[Message]],
        account: Callable[[Delivery], None],
        idle: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Send all batches; `account` gets every delivery, in order, in this thread.

        While a delivery takes long, `idle` is called now and then with the latest problem, empty if there is none.
        Stops at the first batch that could not be delivered, whose delivery names the error, and raises that; on
        Ctrl-C it raises Interrupted. Before it raises, every batch under way is accounted for.
        """
        pending: deque[Future[Delivery]] = deque()
        source = iter(some)
        with self._noting_interrupts(), ThreadPoolExecutor(self._threads, "send") as pool:
            try:
                while (batch := self._next(source)) is not None:
                    pending.append(pool.submit(self._deliver, batch))
                    if len(pending) >= 4 * self._threads:
                        self._account(pending.popleft(), account, idle)
                while pending:
                    self._account(pending.popleft(), account, idle)
            finally:
                # After an error: what has not begun never will; what has is counted.
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                for future in pending:
                    if not future.cancelled():
                        account(future.result())

    def _next(self, source: Iterator[list[Message]]) -> list[Message] | None:
        if self._stop.is_set():
            raise Interrupted
        self._reading = True
        try:
            return next(source, None)
        finally:
            self._reading = False

    def _account(
        self, future: Future[Delivery], account: Callable[[Delivery], None], idle: Callable[[str], None]
    ) -> None:
        while not wait([future], timeout=_IDLE_SECONDS).done:
            idle(self._trouble)
        delivery = future.result()
        self._trouble = ""
        account(delivery)
        if self._stop.is_set():
            raise Interrupted
        if delivery.error is not None:
            raise delivery.error

    @contextlib.contextmanager
    def _noting_interrupts(self) -> Iterator[None]:
        """Ctrl-C ends reading at once, but never comes between a delivery and its account; a second one ends it all."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def note(_signal: int, _frame: object) -> None:
            again = self._stop.is_set()
            self._stop.set()
            if again:
                raise KeyboardInterrupt
            if self._reading:
                raise Interrupted

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _deliver(self, batch: list[Message]) -> Delivery:
        """Send a batch, and what is left of it again for as long as that may help; raises nothing."""
        import tenacity

        delivery = Delivery(last_line=batch[-1].number)
        waiting = {str(position): message for position, message in enumerate(batch)}
        retrying = retries.policy(
            tenacity.retry_if_exception(lambda error: retries.is_transient(error) or isinstance(error, NotAccepted)),
            tenacity.stop_any(tenacity.stop_after_delay(self._retry_seconds), tenacity.stop_when_event_set(self._stop)),
            sleep=tenacity.sleep_using_event(self._stop),
            before_sleep=self._note_trouble,
        )
        try:
            retrying(self._attempt, waiting, delivery)
        except Exception as error:
            delivery.error = error
        return delivery

    def _note_trouble(self, state: RetryCallState) -> None:
        self._trouble = str(state.outcome.exception()) if state.outcome else ""

    def _attempt(self, waiting: dict[str, Message], delivery: Delivery) -> None:
        """Send what is waiting, once; raises if anything still is afterwards."""
        entries = [{"Id": entry, "MessageBody": message.text} for entry, message in waiting.items()]
        answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
        for success in answer.get("Successful", ()):
            delivery.sent.append((waiting.pop(success["Id"]), success["MessageId"]))
        reason = ""
        for failure in answer.get("Failed", ()):
            reason = f"{failure['Code']}: {failure.get('Message', '')}".removesuffix(": ")
            if failure["SenderFault"] and not _slow_down(failure["Code"]):
                delivery.refused.append((waiting.pop(failure["Id"]), f"SQS refuses it, {reason}"))
        if waiting:
            raise NotAccepted(f"the queue did not take line {min(waiting.values()).number}: {reason or 'no answer'}")


def _slow_down(code: str) -> bool:
    """True if an entry's failure is throttling, which SQS may well call the sender's fault."""
    return "Throttl" in code or code == "OverLimit"
