"""The ingest function: an SQS batch in, the messages that were not stored out."""

import os
import time
from functools import lru_cache
from typing import Any

from ingest.messages import Delays, Message, Sorted, sort
from ingest.settings import Settings
from ingest.store import EventStore
from shared import logs
from shared.aws import AwsClient
from shared.batches import BatchResult, records_of
from shared.dead_letters import DeadLetter, DeadLetterQueue
from shared.deadline import Context, Deadline
from shared.events import Event
from shared.logs import logger

DELAY_SECONDS = 2.0
"""Time kept for delaying messages that could not be stored: 50 requests for a batch of 500."""


class Ingest:
    """Storage of a batch's events; invalid ones go to the dead-letter queue, unstored ones are delivered again."""

    def __init__(self, store: EventStore, dead_letters: DeadLetterQueue, delays: Delays) -> None:
        self._store = store
        self._dead_letters = dead_letters
        self._delays = delays

    def run(self, payload: object, deadline: Deadline) -> dict[str, Any]:
        """Return Lambda's partial batch response; raise BadBatch, or AwsError if AWS let nothing be done.

        An error makes Lambda repeat the whole batch, and counts in its error metric.
        """
        started = time.monotonic()
        records = records_of(payload)
        batch = sort(records)
        # First the messages that need no table, so that a slow one does not delay them.
        unsent = self._dead_letters.send(batch.hopeless, deadline)
        result = self._store.store(list(batch.events.values()), deadline.before(DELAY_SECONDS))
        unsent += self._dead_letters.send(_rejected(batch, result), deadline)
        waiting = [message for event in result.retryable for message in batch.messages[event.key]]
        self._delays.delay(waiting, deadline)
        if result.error:
            logger.error("events not stored for now", extra={"events": len(result.retryable), "reason": result.reason})
        outcome = {
            "received": len(records),
            "stored": len(result.done),
            "duplicates": _duplicates(batch, result),
            "invalid": len(batch.hopeless),
            "failed": len(waiting) + sum(len(batch.messages[event.key]) for event, _ in result.rejected),
            "milliseconds": round(1000 * (time.monotonic() - started)),
        }
        logger.info("batch ingested", extra=outcome)
        if result.error and not (result.done or result.duplicates or result.rejected or batch.hopeless):
            raise result.error
        again = [message.id for message in waiting] + unsent
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def _rejected(batch: Sorted, result: BatchResult[Event]) -> list[DeadLetter]:
    """Return all messages whose event DynamoDB does not accept, and log why."""
    dead: list[DeadLetter] = []
    for event, reason in result.rejected:
        messages: list[Message] = batch.messages[event.key]
        details = {"messageId": messages[0].id, "eventKey": event.key, "reason": reason}
        logger.error("event cannot be stored", extra=details)
        dead += [message.dead(reason) for message in messages]
    return dead


def _duplicates(batch: Sorted, result: BatchResult[Event]) -> int:
    """Return the number of messages whose event was stored before, or by another message of the batch."""
    lost = [event for event, _ in result.rejected] + result.retryable
    return (
        sum(map(len, batch.messages.values()))
        - len(result.done)
        - sum(len(batch.messages[event.key]) for event in lost)
    )


@lru_cache(maxsize=1)
def service() -> Ingest:
    """Return the function's one instance, set up from the environment."""
    logs.configure()
    settings = Settings.from_environment(os.environ)
    store = EventStore(AwsClient("dynamodb"), settings.table_events, settings.retention_days)
    sqs = lru_cache(maxsize=1)(lambda: AwsClient("sqs"))
    return Ingest(store, DeadLetterQueue(sqs, settings.dead_letter_queue), Delays(sqs, settings.queue_ingest))


def handle(event: object, context: Context) -> dict[str, Any]:
    """Take one batch of the ingest queue."""
    return service().run(event, Deadline(context))


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    service()  # while Lambda initialises the sandbox, not when the first batch waits
