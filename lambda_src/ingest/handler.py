"""The ingest function: an SQS batch in, the messages that were not stored out."""

import os
import time
from functools import lru_cache
from typing import Any

from ingest.messages import Redrive, Sorted, sort
from ingest.settings import Settings
from ingest.store import EventStore
from shared import logs
from shared.aws import AwsClient
from shared.batches import records_of
from shared.deadline import Context, Deadline
from shared.events import Event
from shared.logs import logger
from shared.transactions import Verdicts


class Ingest:
    """Validates a batch, stores its events, reports what is to be delivered again."""

    def __init__(self, store: EventStore, redrive: Redrive) -> None:
        self._store = store
        self._redrive = redrive

    def run(self, payload: object, deadline: Deadline) -> dict[str, Any]:
        """Return Lambda's partial batch response; raise BadBatch, or AwsError if AWS let nothing be done.

        An error makes Lambda repeat the whole batch, and counts in its error metric.
        """
        started = time.monotonic()
        records = records_of(payload)
        messages = sort(records)
        verdicts = self._store.store(list(messages.events.values()), deadline)
        self._redrive.hasten(messages.invalid, deadline)
        failed = _failed(messages, verdicts)
        outcome = {
            "received": len(records),
            "stored": len(verdicts.done),
            "duplicates": sum(map(len, messages.bringers.values())) - len(verdicts.done) - len(failed),
            "invalid": len(messages.invalid),
            "failed": len(failed) + len(messages.broken),
            "milliseconds": round(1000 * (time.monotonic() - started)),
        }
        logger.info("batch ingested", extra=outcome)
        if verdicts.error and not (verdicts.done or verdicts.duplicates or verdicts.rejected or messages.invalid):
            raise verdicts.error
        again = [message.id for message in messages.invalid] + messages.broken + failed
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def _failed(messages: Sorted, verdicts: Verdicts[Event]) -> list[str]:
    """Return the ids of all messages whose event was not stored, and log why."""
    for event, reason in verdicts.rejected:
        message_id = messages.bringers[event.key][0]
        logger.error("event cannot be stored", extra={"messageId": message_id, "eventKey": event.key, "reason": reason})
    if verdicts.postponed:
        logger.error("events not stored for now", extra={"events": len(verdicts.postponed), "reason": verdicts.reason})
    events = [event for event, _ in verdicts.rejected] + verdicts.postponed
    return [message_id for event in events for message_id in messages.bringers[event.key]]


@lru_cache(maxsize=1)
def service() -> Ingest:
    """Return the function's one instance, set up from the environment."""
    logs.configure()
    settings = Settings.from_environment(os.environ)
    store = EventStore(AwsClient("dynamodb"), settings.table_events, settings.retention_days)
    return Ingest(store, Redrive(lru_cache(maxsize=1)(lambda: AwsClient("sqs")), settings.queue_ingest))


def handle(event: object, context: Context) -> dict[str, Any]:
    """Take one batch of the ingest queue."""
    return service().run(event, Deadline(context))


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    service()  # while Lambda initialises the sandbox, not when the first batch waits
