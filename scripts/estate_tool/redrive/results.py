"""Results of `estate redrive`: as JSON, and for a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.core.text import counted, one_line, utc_time
from estate_tool.core.untrusted import foreign_reason, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.redrive.messages import FailedMessage, FailureQueue

# Errors that quote values may be as many as there are messages; beyond this number they are counted together.
_MOST_REASONS = 50
_MOST_FOREIGN = 10
_OTHER = "other errors: narrow them down with --error, --type, --since or --until"


@dataclass(kw_only=True)
class Reason:
    """Failures of the same kind with the same error."""

    kind: str
    function: str
    error: str
    quarantined: bool
    messages: int = 0
    first: float = float("inf")
    last: float = 0.0
    attempts: int | None = None
    replays: int = 0
    example: str = ""

    def add(self, failure: FailedMessage) -> None:
        """Count a failure."""
        self.messages += 1
        self.first, self.last = min(self.first, failure.failed_at), max(self.last, failure.failed_at)
        self.replays = max(self.replays, failure.replays)
        self.example = self.example or failure.message["MessageId"]
        if failure.attempts is not None:
            self.attempts = max(self.attempts or 0, failure.attempts)

    def to_dict(self) -> dict[str, Any]:
        """Return the reason as scripts get it."""
        return {**vars(self), "first": utc_time(self.first), "last": utc_time(self.last)}

    def line(self) -> str:
        """Return the reason for a person."""
        when = utc_time(self.first) if self.messages == 1 else f"{utc_time(self.first)} … {utc_time(self.last)}"
        tried = f", tried {counted(self.attempts, 'time')}" if self.attempts else ""
        replayed = f", replayed {counted(self.replays, 'time')} before" if self.replays else ""
        mark = " [quarantined]" if self.quarantined else ""
        return (
            f"{self.messages:,} × {self.function} ({self.kind}) {when}{tried}{replayed}{mark}: {one_line(self.error)}"
        )


@dataclass(kw_only=True)
class ForeignItems:
    """Items of the events table that are no event, such as one written by hand; the first ones by name."""

    count: int = 0
    items: list[dict[str, str]] = field(default_factory=list)

    def record_if_foreign(self, item: dict[str, Any]) -> bool:
        """Return True, and count the item, if it is no event; it is left alone."""
        reason = foreign_reason(item)
        if reason:
            self.count += 1
            self.items = [*self.items, {"key": name_of(item), "reason": reason}][:_MOST_FOREIGN]
        return bool(reason)

    def to_dict(self) -> dict[str, Any]:
        """Return the count and the names as scripts get them."""
        return {"foreign": self.count, "foreign_items": self.items}

    def lines(self) -> Iterator[str]:
        """Yield the count and the names for a person."""
        if self.count:
            items = counted(self.count, "item of the table is no event", "items of the table are no events")
            yield f"{items}, left alone:"
            yield from (f"  {one_line(one['key'])}: {one_line(one['reason'])}" for one in self.items)
        if self.count > len(self.items):
            yield f"  and {self.count - len(self.items):,} more"


@dataclass(kw_only=True)
class QueueResult:
    """A failure queue: its messages, and the outcome of their replay."""

    queue: str
    messages: int = 0
    replayed: int = 0
    failed: int = 0
    quarantined: int = 0
    selected: int = 0
    way: str = ""
    reasons: dict[tuple[str, ...], Reason] = field(default_factory=dict)
    foreign: ForeignItems = field(default_factory=ForeignItems)
    refusals: list[str] = field(default_factory=list)

    def record_refusal(self, failure: FailedMessage, error: str) -> None:
        """Count and name a message that AWS does not take."""
        self.failed += 1
        self.refusals = [*self.refusals, f"message {failure.message['MessageId']} stays: {error}"][:_MOST_FOREIGN]

    @property
    def left(self) -> int:
        """Messages that are still in the queue."""
        return self.messages - self.replayed

    def record(self, failure: FailedMessage, queue: FailureQueue, *, quarantined: bool, selected: bool) -> None:
        """Count a message of the queue."""
        self.messages += 1
        self.quarantined += quarantined
        self.selected += selected
        error = failure.error
        if len(self.reasons) >= _MOST_REASONS and (failure.kind, error, str(quarantined)) not in self.reasons:
            error = _OTHER
        key = (failure.kind, error, str(quarantined))
        reason = Reason(kind=str(failure.kind), function=queue.function, error=error, quarantined=quarantined)
        self.reasons.setdefault(key, reason).add(failure)

    def to_dict(self) -> dict[str, Any]:
        """Return the queue as scripts get it."""
        counts = {name: getattr(self, name) for name in ("messages", "replayed", "failed", "quarantined", "left")}
        reasons = sorted(self.reasons.values(), key=lambda reason: -reason.messages)
        return {
            "queue": self.queue, **counts, "way": self.way, "reasons": [reason.to_dict() for reason in reasons],
            **self.foreign.to_dict(), "refusals": self.refusals,
        }  # fmt: skip

    def lines(self, *, dry_run: bool) -> Iterator[str]:
        """Yield the queue for a person."""
        if not self.messages:
            yield f"{self.queue}: empty"
            return
        did = f"{self.selected:,} would be replayed" if dry_run else f"{self.replayed:,} replayed"
        by = f" by {self.way}" if self.way else ""
        failed = f", {self.failed:,} failed again" if self.failed else ""
        quarantined = f", {self.quarantined:,} in quarantine" if self.quarantined else ""
        yield f"{self.queue}: {counted(self.messages, 'message')}, {did}{by}{failed}{quarantined}, {self.left:,} left"
        for reason in sorted(self.reasons.values(), key=lambda reason: -reason.messages):
            yield f"  {reason.line()}"
        yield from (f"  {line}" for line in (*self.foreign.lines(), *self.refusals))


@dataclass(kw_only=True)
class MissingResult:
    """Events that were stored and never aggregated."""

    scanned: int = 0
    missing: int = 0
    brought_in: int = 0
    failed: int = 0
    error: str = ""
    foreign: ForeignItems = field(default_factory=ForeignItems)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as scripts get them."""
        return {**vars(self), **self.foreign.to_dict()}

    def line(self, *, dry_run: bool) -> str:
        """Return the counts for a person."""
        found = f"{counted(self.scanned, 'stored event')}, {self.missing:,} of them never aggregated"
        failed = f", {self.failed:,} can't be: {self.error}" if self.failed else ""
        return found if dry_run else f"{found}: {self.brought_in:,} brought in{failed}"

    def lines(self, *, dry_run: bool) -> Iterator[str]:
        """Yield the counts for a person, and the names of items that are no event."""
        yield self.line(dry_run=dry_run)
        yield from self.foreign.lines()
