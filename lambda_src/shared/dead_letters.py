"""The dead-letter queue, to which functions send messages that can never succeed, with the reason as an attribute."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from shared.aws import AwsError, Caller
from shared.batches import BATCH_BYTES, BATCH_MESSAGES, batches_within
from shared.deadline import Deadline
from shared.logs import logger

REASON, SOURCE_ID = "ErrorMessage", "SourceMessageId"
"""Attributes: why it failed, as Lambda and `estate redrive` name it, and which message of the source queue it was."""
MAX_REASON_CHARACTERS = 500
_MAX_ATTRIBUTES = 10


class DeadLetter(NamedTuple):
    """A message for the dead-letter queue."""

    id: str
    body: str
    attributes: Mapping[str, Any]

    @property
    def reason(self) -> str:
        """The reason among its attributes; empty without one."""
        return str(self.attributes.get(REASON, {}).get("StringValue", ""))

    @property
    def bytes(self) -> int:
        """The size that SQS counts."""
        return len(self.body.encode("utf-8")) + sum(
            len(name) + sum(len(str(part).encode("utf-8")) for part in value.values())
            for name, value in self.attributes.items()
        )


def dead_letter(message_id: str, body: str, kept: Mapping[str, Any], **texts: str) -> DeadLetter:
    """Return a message with the attributes that it had and those given as texts, as far as it may have them.

    A body that is too long for any message is cut.
    """
    body = body.encode("utf-8", "replace")[:BATCH_BYTES].decode("utf-8", "ignore")
    given = {name: {"DataType": "String", "StringValue": _clean(text)} for name, text in texts.items()}
    message = DeadLetter(message_id, body, dict(list({**given, **kept, **given}.items())[:_MAX_ATTRIBUTES]))
    # A message of the largest size has no room for attributes; the log has the reason.
    return message if message.bytes <= BATCH_BYTES else DeadLetter(message_id, body, {})


class DeadLetterQueue:
    """Sender of dead letters to a queue."""

    def __init__(self, client: Callable[[], Caller], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, messages: Sequence[DeadLetter], deadline: Deadline) -> list[str]:
        """Send them; return the ids of those that did not arrive, which have to be delivered again."""
        missing: list[str] = []
        for batch in batches_within(
            messages, size_of=lambda message: message.bytes, most=BATCH_MESSAGES, most_bytes=BATCH_BYTES
        ):
            entries = [
                {"Id": str(number), "MessageBody": message.body, "MessageAttributes": dict(message.attributes)}
                for number, message in enumerate(batch)
            ]
            try:
                request = {"QueueUrl": self._queue_url, "Entries": entries}
                failed = self._client().call("SendMessageBatch", request, deadline).get("Failed") or []
                reasons = {int(each["Id"]): str(each.get("Message") or each.get("Code")) for each in failed}
            except AwsError as error:
                reasons = dict.fromkeys(range(len(batch)), str(error))
            for number, reason in reasons.items():
                logger.error("dead letter not sent", extra={"messageId": batch[number].id, "reason": reason})
                missing.append(batch[number].id)
        return missing


def _clean(text: str) -> str:
    """Return a text that SQS takes as an attribute: not empty, without control characters and non-characters."""
    return "".join(each if each.isprintable() else " " for each in text)[:MAX_REASON_CHARACTERS] or " "
