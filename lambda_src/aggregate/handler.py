"""The aggregate function: a batch of the events table's stream in, counts and sums in the aggregates table."""

import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from aggregate.counting import Counted, Counter
from aggregate.records import read
from aggregate.settings import Settings
from shared import logs
from shared.aws import AwsClient
from shared.batches import records_of
from shared.dead_letters import DeadLetterQueue
from shared.deadline import Context, Deadline
from shared.logs import logger
from shared.text import shown

SHOWN_FIELDS = 5


class BatchFailed(Exception):
    """Some events of the batch could not be counted. The others are, once, however often the batch is repeated."""


class Aggregate:
    """Counts the events of a batch."""

    def __init__(self, counter: Counter, dead_letters: DeadLetterQueue) -> None:
        self._counter = counter
        self._dead_letters = dead_letters

    def run(self, payload: object, deadline: Deadline) -> None:
        """Count every event that can be counted; raise BatchFailed if others have to be tried again, or BadBatch.

        An exception, not a list of batch item failures: it is what Lambda's error metric shows and what every stream
        poller repeats. Repeating the whole batch is cheap and harmless. A record that can never be counted is sent to
        the dead-letter queue once nothing else is left of the batch, so that it delays no other event; in a replay from
        that queue ({"Records": [...], "replay": true}) it fails the call, with its reason.
        """
        started = time.monotonic()
        records = records_of(payload)
        batch = read(records)
        result = self._counter.count(batch.inserted, deadline)
        _log(result)
        failed = len(result.retryable)
        hopeless = [*batch.unreadable, *(entry.dead(reason) for entry, reason in result.rejected)]
        replayed = isinstance(payload, Mapping) and payload.get("replay") is True
        if not failed:
            failed = len(hopeless if replayed else self._dead_letters.send(hopeless, deadline))
        outcome = {
            "received": len(records),
            "counted": len(result.done),
            "duplicates": len(result.duplicates),
            "ignored": batch.ignored,
            "hopeless": len(hopeless),
            "failed": failed,
            "fieldsLeftOut": sum(len(fields) for _, _, fields in result.left_out),
            "milliseconds": round(1000 * (time.monotonic() - started)),
        }
        logger.info("batch aggregated", extra=outcome)
        if failed:
            why = result.reason or next((message.reason for message in hopeless), "")
            raise BatchFailed(f"{failed} of {len(records)} records could not be counted: {why}")


def _log(result: Counted) -> None:
    for entry, reason in result.rejected:
        details = {"sequenceNumber": entry.sequence_number, "eventKey": entry.event.key, "reason": reason}
        logger.error("event cannot be counted", extra=details)
    for entry, target, fields in result.left_out:
        series = f"{target.type} of {'all subjects' if target.subject is None else shown(target.subject)}"
        details = {
            "eventKey": entry.event.key,
            "series": f"{series} at {target.hour}",
            "fields": [shown(field) for field in fields[:SHOWN_FIELDS]],
            "number": len(fields),
            "reason": "the aggregate has no room for further field names (MAX_FIELDS); the event itself is counted",
        }
        logger.warning("fields not counted", extra=details)
    if result.error:
        logger.error("events not counted for now", extra={"events": len(result.retryable), "reason": result.reason})


@lru_cache(maxsize=1)
def service() -> Aggregate:
    """Return the function's one instance, set up from the environment."""
    logs.configure()
    settings = Settings.from_environment(os.environ)
    counter = Counter(AwsClient("dynamodb"), settings.table_pages, settings.table_aggregates, settings.most_fields)
    return Aggregate(
        counter, DeadLetterQueue(lru_cache(maxsize=1)(lambda: AwsClient("sqs")), settings.dead_letter_queue)
    )


def handle(event: object, context: Context) -> dict[str, Any]:
    """Take one batch of the events table's stream."""
    service().run(event, Deadline(context))
    return {"batchItemFailures": []}


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    service()  # while Lambda initialises the sandbox, not when the first batch waits
