"""Outcome of a batch: items done, duplicates, rejected and retryable items."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from shared.aws import AwsError

Work = TypeVar("Work")


class BatchResult(Generic[Work]):
    """The items of work of a batch by their outcome; each is in one of the lists."""

    def __init__(self) -> None:
        self.done: list[Work] = []
        self.duplicates: list[Work] = []
        self.rejected: list[tuple[Work, str]] = []
        """Items that DynamoDB does not accept, each with its reason."""
        self.retryable: list[Work] = []
        """Items left over for want of time, capacity, connection or permission."""
        self.error: AwsError | None = None
        """The reason for the retryable items; the last one if there are several."""

    def retry(self, items: Iterable[Work], error: AwsError) -> None:
        """Leave the items to a later delivery."""
        self.error = error
        self.retryable += items

    @property
    def reason(self) -> str:
        """The reason for the retryable items, in words."""
        return reason_of(self.error) if self.error else ""


def reason_of(error: AwsError) -> str:
    """Return the reason of an error; of a cancelled transaction each reason once, not the code of every action."""
    reasons = error.answer.get("CancellationReasons") or []
    texts = dict.fromkeys(text_of(reason) for reason in reasons if reason.get("Code", "None") != "None")
    return "; ".join(texts) or str(error)


def text_of(reason: dict[str, str]) -> str:
    """Return the reason that DynamoDB gives for one action, in words."""
    return f"{reason.get('Code')}: {reason.get('Message', 'no message')}"
