"""Events added to the aggregates exactly once: one transaction records them as counted and adds their sums."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aggregate.pages import Pages
from aggregate.records import Inserted
from aggregate.series import Aggregates, Target, targets
from shared.aws import AwsError, Caller
from shared.batches import BatchResult, reason_of
from shared.deadline import Deadline
from shared.statistics import Summary

MAX_ACTIONS = 100
"""Actions of one transaction (Amazon DynamoDB "Quotas")."""
LOOK_FIRST_EVENTS = 50
CONFLICT_ATTEMPTS = 3
"""Attempts after which the pause of a conflict grows no more: 0.2 s on average, some transactions long."""
_CANCELED = "TransactionCanceledException"
_THROTTLED = {
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingError",
    "ThrottlingException",
}
_REFUSED = "ConditionalCheckFailed"
_TRANSIENT = {"None", "TransactionConflict", _REFUSED} | _THROTTLED


class Counted(BatchResult[Inserted]):
    """Outcome of a batch of events, with the fields for which an aggregate had no room."""

    def __init__(self) -> None:
        super().__init__()
        self.left_out: list[tuple[Inserted, Target, list[str]]] = []


class Counter:
    """The tables of pages and of aggregates.

    `look_first` is the number of events from which on the records of their pages are read before anything is written,
    so that a batch that comes again costs no writes. For a few events that request costs more than what it may save.
    """

    def __init__(
        self,
        client: Caller,
        table_pages: str,
        table_aggregates: str,
        most_fields: int,
        look_first: int = LOOK_FIRST_EVENTS,
    ) -> None:
        self._client = client
        self._pages = Pages(client, table_pages)
        self._table_aggregates = table_aggregates
        self._most_fields = most_fields
        self._look_first = look_first

    def count(self, inserted: Sequence[Inserted], deadline: Deadline) -> Counted:
        """Count the events that have not been counted yet, each given once. Never raises because of AWS."""
        aggregates = Aggregates(self._table_aggregates, self._most_fields)
        writer = TransactionWriter(self._client, self._pages, aggregates, deadline)
        self._pages.forget()
        try:
            if len(inserted) >= self._look_first:
                self._pages.read(dict.fromkeys(entry.slot.page for entry in inserted), deadline)
        except AwsError as error:
            writer.result.retry(inserted, error)
        else:
            writer.write(inserted)
        return writer.result


def chunks(inserted: Sequence[Inserted]) -> Iterator[list[Inserted]]:
    """Yield parts that fit a transaction by its actions. Sorted, neighbours share aggregates: fewer transactions.

    A part that adds more numbers to an aggregate than an update may is refused, and then narrowed down.
    """
    part: list[Inserted] = []
    written: set[str | Target] = set()
    for entry in sorted(inserted, key=_order):
        items = {entry.slot.page, *targets(entry.event)}
        if part and len(written) + len(items - written) > MAX_ACTIONS:
            yield part
            part, written = [], set()
        part.append(entry)
        written |= items
    if part:
        yield part


def _order(entry: Inserted) -> tuple[str, str, str]:
    """Return the sort key: by hour before subject, even both aggregates of neighbours are shared."""
    event = entry.event
    return event.type, event.hour, event.subject


class _Transaction(NamedTuple):
    actions: list[dict[str, Any]]
    pages: Mapping[str, int]
    """Page → the positions to be marked; the first actions, in this order."""
    targets: Sequence[Target]
    """The aggregates of the other actions, in order."""
    left_out: Mapping[Target, frozenset[str]]


class TransactionWriter:
    """Writer of events by transactions until each has its outcome.

    Events that are counted meanwhile are left out, conflicts are waited out, and where DynamoDB throttles, transactions
    become smaller. A transaction that it does not accept is halved until the event at fault is alone.
    """

    def __init__(self, client: Caller, pages: Pages, aggregates: Aggregates, deadline: Deadline) -> None:
        self.result = Counted()
        self._client = client
        self._pages = pages
        self._aggregates = aggregates
        self._deadline = deadline
        self._limit: int | None = None
        """Events of a transaction at most, while DynamoDB throttles."""
        self._attempt = 0

    def write(self, inserted: Sequence[Inserted]) -> None:
        """Give every event its outcome; never raises because of AWS."""
        stack = [*chunks(self._fresh(inserted))][::-1]
        while stack:
            items = self._fresh(stack.pop())
            if self._limit and len(items) > self._limit:
                stack.append(items[self._limit :])
                items = items[: self._limit]
            if not items:
                continue
            transaction = self._built(items)
            try:
                self._client.call("TransactWriteItems", {"TransactItems": transaction.actions}, self._deadline)
            except AwsError as error:
                again = self._failed(items, transaction, error)
                if again is None:
                    self.result.retry([entry for part in (items, *stack[::-1]) for entry in part], error)
                    return
                stack += again
            else:
                self._done(items, transaction)

    def _fresh(self, items: Sequence[Inserted]) -> list[Inserted]:
        """Return the events that are not counted; the others are duplicates."""
        counted = [entry for entry in items if self._pages.counted(entry.slot)]
        self.result.duplicates += counted
        return [entry for entry in items if not self._pages.counted(entry.slot)] if counted else list(items)

    def _built(self, items: Sequence[Inserted]) -> _Transaction:
        bits: dict[str, int] = {}
        expiry: dict[str, int | None] = {}
        sums: dict[Target, Summary] = {}
        for entry in items:
            bits[entry.slot.page] = bits.get(entry.slot.page, 0) | entry.slot.bit
            expiry[entry.slot.page] = entry.expires_at
            target = Target(entry.event.type, entry.event.subject, entry.event.hour)
            sums.setdefault(target, Summary()).add_event(entry.event.measures)
        for (event_type, _, hour), summary in list(sums.items()):
            sums.setdefault(Target(event_type, None, hour), Summary()).add(summary)
        actions = [self._pages.count(page, marked, expiry[page]) for page, marked in bits.items()]
        left_out = {}
        for target, summary in sums.items():
            action, fields = self._aggregates.add(target, summary)
            actions.append(action)
            if fields:
                left_out[target] = fields
        return _Transaction(actions, bits, list(sums), left_out)

    def _done(self, items: Sequence[Inserted], transaction: _Transaction) -> None:
        for page, bits in transaction.pages.items():
            self._pages.done(page, bits)
        self.result.done += items
        self._attempt = 0
        self._limit = 2 * self._limit if self._limit else None
        for target, fields in transaction.left_out.items():
            for entry in items:
                if target not in targets(entry.event):
                    continue
                if lost := [field for field in entry.event.measures if field in fields]:
                    self.result.left_out.append((entry, target, lost))

    def _failed(self, items: list[Inserted], transaction: _Transaction, error: AwsError) -> list[list[Inserted]] | None:
        """Return parts to be tried next, the last one first; None if all that is left has to wait."""
        reasons: list[dict[str, Any]] = error.answer.get("CancellationReasons") or []
        codes = {str(reason.get("Code", "None")) for reason in reasons} if error.code == _CANCELED else {error.code}
        if error.unacceptable or (error.code == _CANCELED and not codes <= _TRANSIENT):
            return self._halves(items, error)
        if not codes & (_TRANSIENT - {"None"}):
            return None
        if self._learned(transaction, reasons) and codes <= {"None", _REFUSED}:
            return [items]  # Another writer was quicker, and the items as they are now are known: nothing to wait for.
        if codes & _THROTTLED:
            self._limit = max(1, len(items) // 2)
        # A conflict means that another writer proceeds: no reason to give up, or to pause for long.
        attempt = self._attempt if codes & _THROTTLED else min(self._attempt, CONFLICT_ATTEMPTS)
        if not self._deadline.pause(attempt):
            return None
        self._attempt += 1
        return [items]

    def _halves(self, items: list[Inserted], error: AwsError) -> list[list[Inserted]]:
        if len(items) == 1:
            self.result.rejected.append((items[0], reason_of(error)))
            return []
        middle = len(items) // 2
        return [items[middle:], items[:middle]]

    def _learned(self, transaction: _Transaction, reasons: Sequence[dict[str, Any]]) -> bool:
        """Remember the items that came with refused actions; return True if any differs from what was known."""
        refused = [reason.get("Code") == _REFUSED for reason in reasons]
        new = False
        for page, reason, known in zip(transaction.pages, reasons, refused, strict=False):
            if known:
                new |= self._pages.learn(page, reason.get("Item"))
        first = len(transaction.pages)
        for target, reason, known in zip(transaction.targets, reasons[first:], refused[first:], strict=False):
            if known:
                new |= self._aggregates.learn(target, reason.get("Item"))
        return new
