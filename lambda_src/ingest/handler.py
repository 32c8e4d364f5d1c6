"""The ingest function: an SQS batch in, the messages that were not stored out."""

import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ingest.messages import Redrive, Sorted, sort
from ingest.settings import Settings
from ingest.store import EventStore
from shared import logs
from shared.aws import AwsClient
from shared.deadline import Context, Deadline
from shared.events import Event
from shared.logs import logger
from shared.transactions import Verdicts


class Ingest:
    """Validates a batch, stores its events, reports what is to be delivered again."""

    def __init__(self, store: EventStore, redrive: Redrive) -> None:
        self._store = store
        self._redrive = redrive

    def run(self, batch: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Return Lambda's partial batch response; raise if AWS let nothing be done, so that the error is counted."""
        started = time.monotonic()
        messages = sort(batch["Records"])
        verdicts = self._store.store(list(messages.events.values()), deadline)
        self._redrive.hasten(messages.invalid, deadline)
        failed = _failed(messages, verdicts)
        outcome = {
            "received": len(batch["Records"]),
            "stored": len(verdicts.done),
            "duplicates": sum(map(len, messages.bringers.values())) - len(verdicts.done) - len(failed),
            "invalid": len(messages.invalid),
            "failed": len(failed) + len(messages.broken),
            "milliseconds": round(1000 * (time.monotonic() - started)),
        }
        logger.info("batch ingested", extra=outcome)
        if verdicts.error is not None and len(failed) == len(batch["Records"]):
            raise verdicts.error
        again = [message.id for message in messages.invalid] + messages.broken + failed
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def _failed(messages: Sorted, verdicts: Verdicts[Event]) -> list[str]:
    """Return the ids of all messages whose event was not stored, with a log line for each such event."""
    failed = []
    for event, reason in verdicts.failed:
        bringers = messages.bringers[event.key]
        logger.error("event not stored", extra={"messageId": bringers[0], "eventKey": event.key, "reason": reason})
        failed += bringers
    return failed


@lru_cache(maxsize=1)
def service() -> Ingest:
    """Return the function's one instance, set up from the environment."""
    logs.configure()
    settings = Settings.from_environment(os.environ)
    store = EventStore(AwsClient("dynamodb"), settings.table_events, settings.retention_days)
    return Ingest(store, Redrive(lru_cache(maxsize=1)(lambda: AwsClient("sqs")), settings.queue_ingest))


def handle(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Take one batch of the ingest queue."""
    return service().run(event, Deadline(context))


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    service()  # while Lambda initialises the sandbox, not when the first batch waits
