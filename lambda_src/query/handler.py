"""The query function: a type, maybe a subject and a time range in; hourly buckets and their totals out."""

import os
import time
from functools import lru_cache
from typing import Any

from query.question import BadRequest, parse
from query.reading import Reader
from query.settings import Settings
from shared import logs
from shared.aws import AwsClient
from shared.deadline import Context, Deadline
from shared.logs import logger


class Query:
    """Answers questions."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def run(self, payload: object, deadline: Deadline) -> dict[str, Any]:
        """Return one page of the answer; raise BadRequest or AwsError."""
        started = time.monotonic()
        try:
            question = parse(payload)
        except BadRequest as error:
            logger.warning("bad request", extra={"reason": str(error)})
            raise
        page = self._reader.read(question, deadline)
        outcome = {
            "buckets": len(page["buckets"]),
            "complete": "next" not in page,
            "milliseconds": round(1000 * (time.monotonic() - started)),
        }
        logger.info("query answered", extra=outcome)
        return {**question.asked, **page}


@lru_cache(maxsize=1)
def service() -> Query:
    """Return the function's one instance, set up from the environment."""
    logs.configure()
    return Query(Reader(AwsClient("dynamodb"), Settings.from_environment(os.environ).table_aggregates))


def handle(event: object, context: Context) -> dict[str, Any]:
    """Answer one question: {"type", "subject"?, "from"?, "to"?, "limit"?, "next"?}."""
    return service().run(event, Deadline(context))


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    service()  # while Lambda initialises the sandbox, not when the first caller waits
