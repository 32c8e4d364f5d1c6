"""The aggregate function: a batch of the events table's stream in, counts and sums in the aggregates table."""

import os
import time
from functools import lru_cache
from typing import Any

from aggregate.counting import Counter
from aggregate.records import read
from aggregate.settings import Settings
from shared import logs
from shared.aws import AwsClient
from shared.batches import records_of
from shared.deadline import Context, Deadline
from shared.logs import logger


class BatchFailed(Exception):
    """Some events of the batch could not be counted. The others are, once, however often the batch is repeated."""


class Aggregate:
    """Counts the events of a batch."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def run(self, payload: object, deadline: Deadline) -> None:
        """Count every event that can be counted; raise BatchFailed if there are others, or BadBatch.

        An exception, not a list of batch item failures: it is what Lambda's error metric shows and what every stream
        poller repeats. Repeating the whole batch is cheap and harmless, since counted events have their mark.
        """
        started = time.monotonic()
        records = records_of(payload)
        batch_read = read(records)
        verdicts = self._counter.count(batch_read.inserted, deadline)
        for entry, reason in verdicts.rejected:
            details = {"sequenceNumber": entry.sequence_number, "eventKey": entry.event.key, "reason": reason}
            logger.error("event cannot be counted", extra=details)
        if verdicts.postponed:
            logger.error(
                "events not counted for now", extra={"events": len(verdicts.postponed), "reason": verdicts.reason}
            )
        failed = len(verdicts.rejected) + len(verdicts.postponed) + batch_read.unreadable
        outcome = {
            "received": len(records),
            "counted": len(verdicts.done),
            "duplicates": len(verdicts.duplicates),
            "ignored": batch_read.ignored,
            "failed": failed,
            "milliseconds": round(1000 * (time.monotonic() - started)),
        }
        logger.info("batch aggregated", extra=outcome)
        if failed:
            raise BatchFailed(f"{failed} of {len(records)} records could not be counted; the log says why")


@lru_cache(maxsize=1)
def service() -> Aggregate:
    """Return the function's one instance, set up from the environment."""
    logs.configure()
    settings = Settings.from_environment(os.environ)
    return Aggregate(Counter(AwsClient("dynamodb"), settings.table_marks, settings.table_aggregates))


def handle(event: object, context: Context) -> dict[str, Any]:
    """Take one batch of the events table's stream."""
    service().run(event, Deadline(context))
    return {"batchItemFailures": []}


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    service()  # while Lambda initialises the sandbox, not when the first batch waits
