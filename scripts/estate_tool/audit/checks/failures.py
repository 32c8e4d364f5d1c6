"""Requirements 4 and 10: failures that are lost, never end or are not noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.audit.model import SYNCHRONOUS, Finding
from estate_tool.core.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.audit.model import EventSourceMapping, Function, Inventory, Queue
    from estate_tool.pricing.prices import Prices

_DEPTH = frozenset({"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"})
_AGE = frozenset({"ApproximateAgeOfOldestMessage"})
_MAX_RECEIVES = 100


def lost_failures(inventory: Inventory, _prices: Prices) -> Iterator[Finding]:
    """Yield functions, mappings and queues whose failures are lost, never end, or wait unwatched."""
    for function in inventory.functions:
        if _is_called_asynchronously(inventory, function) and not function.failures_to:
            yield Finding(
                4, "async-failures-lost", function.arn,
                "no dead-letter queue and no on-failure destination: asynchronous events that fail are dropped",
                "give it a dead-letter queue, or an on-failure destination",
            )  # fmt: skip
    for mapping in inventory.mappings:
        if mapping.is_stream and mapping.enabled:
            yield from _stream(mapping)
    yield from _queues(inventory)


def _is_called_asynchronously(inventory: Inventory, function: Function) -> bool:
    """True unless every known caller waits for the answer, or the function reads its events from a source."""
    if function.invokers:
        return bool(function.invokers - SYNCHRONOUS)
    return not inventory.mappings_of(function.arn)


def _stream(mapping: EventSourceMapping) -> Iterator[Finding]:
    source = mapping.source.split(":", 5)[-1]
    if mapping.retries in (-1, None) and mapping.age_seconds in (-1, None):
        yield Finding(
            4, "mapping-never-gives-up", mapping.function,
            f"batches of {source} are tried without end: one bad record holds its shard up until it expires",
            "bound retries and record age, split failing batches, and name an on-failure destination",
        )  # fmt: skip
    elif not mapping.failures_to:
        yield Finding(
            4, "mapping-failures-lost", mapping.function,
            f"batches of {source} are given up after {_limits(mapping)} and reported nowhere",
            "name an on-failure destination",
        )  # fmt: skip


def _limits(mapping: EventSourceMapping) -> str:
    retries, age = mapping.retries, mapping.age_seconds
    limits = [] if retries in (None, -1) else [counted(retries, "retry", "retries")]
    return " or ".join(limits + ([] if age in (None, -1) else [f"{age:,} s"]))


def _queues(inventory: Inventory) -> Iterator[Finding]:
    dead_letters = inventory.dead_letter_queues
    for queue in inventory.queues:
        if queue.arn in dead_letters:
            yield from _dead_letters(inventory, queue, dead_letters[queue.arn])
        elif not queue.dead_letters_to:
            yield Finding(
                4, "queue-without-redrive", queue.arn,
                "no redrive policy: a message that always fails is received until it expires, then gone",
                "redrive to a dead-letter queue after some receives",
            )  # fmt: skip


def _dead_letters(inventory: Inventory, queue: Queue, sources: list[Queue]) -> Iterator[Finding]:
    if queue.messages:
        yield Finding(
            4, "dead-letters-waiting", queue.arn,
            counted(queue.messages, "failed message waits", "failed messages wait"),
            "find out why they failed, then redrive or delete them",
        )  # fmt: skip
    if not inventory.is_watched("AWS/SQS", _DEPTH, ("QueueName", queue.name)):
        yield Finding(
            4, "dead-letters-unwatched", queue.arn, "no alarm that notifies watches its depth",
            "alarm on ApproximateNumberOfMessagesVisible > 0",
        )  # fmt: skip
    longest = max((source.retention_seconds for source in sources), default=0)
    # A message's age counts from when it was first sent; in a FIFO queue, from when it failed.
    if queue.retention_seconds <= longest and not queue.name.endswith(".fifo"):
        yield Finding(
            4, "dead-letters-short-lived", queue.arn,
            f"keeps messages {_days(queue.retention_seconds)}, its source {_days(longest)}: age counts from the first "
            "queue, so a message may be deleted as it arrives",
            "keep them longer than the source does: 14 days",
        )  # fmt: skip


def _days(seconds: int) -> str:
    days = seconds / 86_400
    return f"{days:g} {'day' if days == 1 else 'days'}"


def resilience(inventory: Inventory, _prices: Prices) -> Iterator[Finding]:
    """Yield functions without alarm or with no concurrency, and queues that deliver twice or without end."""
    for function in inventory.functions:
        if not inventory.is_watched("AWS/Lambda", frozenset({"Errors"}), ("FunctionName", function.name)):
            yield Finding(
                10, "errors-unwatched", function.arn, "no alarm that notifies watches its errors",
                "alarm on Errors > 0",
            )  # fmt: skip
        if function.reserved == 0:
            yield Finding(
                10, "concurrency-zero", function.arn, "reserved concurrency 0: every call is throttled",
                "remove the reservation, or delete the function",
            )  # fmt: skip
        for mapping in inventory.mappings_of(function.arn):
            yield from _delivery(inventory, function, mapping)


def _delivery(inventory: Inventory, function: Function, mapping: EventSourceMapping) -> Iterator[Finding]:
    queue = inventory.queue(mapping.source)
    if queue is None or not mapping.enabled:
        return
    if queue.visibility_seconds < function.timeout_seconds:
        yield Finding(
            10, "visibility-short", queue.arn,
            f"messages reappear after {queue.visibility_seconds} s, while {function.name} may run "
            f"{function.timeout_seconds} s: they are processed twice",
            f"set the visibility timeout to six times the function's: {6 * function.timeout_seconds} s",
        )  # fmt: skip
    watched = inventory.is_watched("AWS/SQS", _AGE, ("QueueName", queue.name))
    if (queue.max_receives or 0) > _MAX_RECEIVES and not watched:
        yield Finding(
            10, "retries-endless", queue.arn,
            f"a failing message is received {queue.max_receives:,} times, and no alarm watches its age",
            "let it fail for good after fewer receives, or alarm on ApproximateAgeOfOldestMessage",
        )  # fmt: skip
