"""Batches as Lambda hands them over: what has no such form is refused as a whole, so that nothing of it gets lost."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.text import shown


class BadBatch(ValueError):
    """The payload is no batch of an event source. Nothing of it was taken; Lambda repeats it or keeps it as failed."""


def records_of(payload: object) -> Sequence[Any]:
    """Return the batch's records, whatever they are; raise BadBatch if it has none."""
    records = payload.get("Records") if isinstance(payload, Mapping) else None
    if not isinstance(records, list):
        raise BadBatch(f'the payload must be a batch such as {{"Records": [...]}}, not {shown(payload)}')
    return records
