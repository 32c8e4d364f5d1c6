"""Batches of items, in order, within the limits of a request: a number of items and a number of bytes."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

BATCH_MESSAGES, BATCH_BYTES = 10, 1_048_576
"""Of one request to SQS, attributes included ("Amazon SQS message quotas")."""


def batches(
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
