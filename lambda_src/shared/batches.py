"""Batches: as Lambda hands them over, as requests take them, and their outcome."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from shared.text import shown

if TYPE_CHECKING:
    from shared.aws import AwsError

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


class BatchResult(Generic[Item]):
    """The items of work of a batch by their outcome; each is in one of the lists."""

    def __init__(self) -> None:
        self.done: list[Item] = []
        self.duplicates: list[Item] = []
        self.rejected: list[tuple[Item, str]] = []
        """Items that DynamoDB does not accept, each with its reason."""
        self.retryable: list[Item] = []
        """Items left over for want of time, capacity, connection or permission."""
        self.error: AwsError | None = None
        """The reason for the retryable items; the last one if there are several."""

    def retry(self, items: Iterable[Item], error: "AwsError") -> None:
        """Leave the items to a later delivery."""
        self.error = error
        self.retryable += items

    @property
    def reason(self) -> str:
        """The reason for the retryable items, as text."""
        return reason_of(self.error) if self.error else ""


def reason_of(error: "AwsError") -> str:
    """Return the reason of an error; of a cancelled transaction each reason once, not the code of every action."""
    reasons = error.answer.get("CancellationReasons") or []
    texts = dict.fromkeys(text_of(reason) for reason in reasons if reason.get("Code", "None") != "None")
    return "; ".join(texts) or str(error)


def text_of(reason: dict[str, str]) -> str:
    """Return the reason that DynamoDB reports for one action, as text."""
    return f"{reason.get('Code')}: {reason.get('Message', 'no message')}"
