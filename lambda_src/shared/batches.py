"""Batches: as Lambda hands them over, and as requests take them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from shared.text import shown

Item = TypeVar("Item")

BATCH_MESSAGES, BATCH_BYTES = 10, 1_048_576
"""Limits of one request to SQS, attributes included ("Amazon SQS message quotas")."""


class BadBatch(ValueError):
    """The payload is no batch of an event source. Nothing of it was taken; Lambda repeats it or keeps it as failed."""


def records_of(payload: object) -> Sequence[Any]:
    """Return the batch's records, unchecked; raise BadBatch if there is no list of them."""
    records = payload.get("Records") if isinstance(payload, Mapping) else None
    if not isinstance(records, list):
        raise BadBatch(f'the payload must be a batch such as {{"Records": [...]}}, not {shown(payload)}')
    return records


def batches_within(
    items: Iterable[Item], *, size_of: Callable[[Item], int], most: int, most_bytes: int
) -> Iterator[list[Item]]:
    """Yield batches of at most `most` items and `most_bytes`; a larger item is a batch of its own."""
    batch: list[Item] = []
    total = 0
    for item in items:
        size = size_of(item)
        if batch and (len(batch) == most or total + size > most_bytes):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size
    if batch:
        yield batch
