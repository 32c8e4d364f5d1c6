"""DynamoDB transactions in which each item of work is one conditional Put, retried until each has a verdict."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from shared.aws import AwsError, Caller
from shared.deadline import Deadline

Work = TypeVar("Work")
Actions = list[dict[str, Any]]

MAX_ACTIONS = 100
"""Actions of one transaction (Amazon DynamoDB "Quotas")."""
_CANCELED = "TransactionCanceledException"
_TOO_MUCH = {"ValidationException", "SerializationException", "RequestEntityTooLarge", "Http413"}
_PASSING = {"None", "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded"}


class Verdicts(Generic[Work]):
    """What became of each item of work."""

    def __init__(self) -> None:
        self.done: list[Work] = []
        self.duplicates: list[Work] = []
        self.rejected: list[tuple[Work, str]] = []
        """What DynamoDB does not accept, and why."""
        self.postponed: list[Work] = []
        """What could not be tried to the end, for want of time, capacity, connection or permission."""
        self.error: AwsError | None = None
        """Why something was postponed; the last reason if there are several."""

    @property
    def reason(self) -> str:
        """Why something was postponed, in words."""
        return _because(self.error) if self.error else ""


class Committer(Generic[Work]):
    """Commits chunks of work.

    `build` returns the actions of one transaction for any part of a chunk: first one conditional Put per item of work,
    in order, then actions that depend on all of them. A Put whose condition fails is a duplicate: it is left out and
    the rest built and tried again. Conflicts and throttling are waited out. What DynamoDB does not accept is narrowed
    down by halves until the item of work at fault stands alone. To repeat a transaction is harmless: its Puts then are
    duplicates.
    """

    def __init__(self, client: Caller, build: Callable[[Sequence[Work]], Actions], deadline: Deadline) -> None:
        self._client = client
        self._build = build
        self._deadline = deadline
        self.verdicts: Verdicts[Work] = Verdicts()

    def commit(self, chunk: Sequence[Work]) -> None:
        """Give every item of the chunk its verdict; never raises because of AWS."""
        stack = [list(chunk)]
        while stack:
            stack.extend(self._settle(stack.pop()))

    def _settle(self, items: list[Work]) -> list[list[Work]]:
        """Try these items as one transaction until they have their verdict; return parts to be tried on their own."""
        attempt = 0
        while items:
            try:
                self._client.call("TransactWriteItems", {"TransactItems": self._build(items)}, self._deadline)
            except AwsError as error:
                if error.code != _CANCELED:
                    return self._refused(items, error)
                codes = _codes(error)
                rest = self._without_judged(items, codes, error)
                if len(rest) == len(items):
                    if _at_fault(codes[len(items) :]):
                        return self._halves(items, error)
                    if not self._deadline.pause(attempt):
                        return self._postponed(items, error)
                    attempt += 1
                items = rest
            else:
                self.verdicts.done += items
                return []
        return []

    def _without_judged(self, items: list[Work], codes: Sequence[str], error: AwsError) -> list[Work]:
        rest = []
        for index, item in enumerate(items):
            code = codes[index] if index < len(codes) else "None"
            if code == "ConditionalCheckFailed":
                self.verdicts.duplicates.append(item)
            elif code in _PASSING:
                rest.append(item)
            else:
                self.verdicts.rejected.append((item, _said(_reasons(error)[index])))
        return rest

    def _refused(self, items: list[Work], error: AwsError) -> list[list[Work]]:
        if error.code in _TOO_MUCH:
            return self._halves(items, error)
        return self._postponed(items, error)

    def _halves(self, items: list[Work], error: AwsError) -> list[list[Work]]:
        if len(items) == 1:
            self.verdicts.rejected.append((items[0], _because(error)))
            return []
        middle = len(items) // 2
        return [items[:middle], items[middle:]]

    def _postponed(self, items: Sequence[Work], error: AwsError) -> list[list[Work]]:
        self.verdicts.error = error
        self.verdicts.postponed += items
        return []


def _codes(error: AwsError) -> list[str]:
    return [str(reason.get("Code", "None")) for reason in _reasons(error)]


def _reasons(error: AwsError) -> list[dict[str, Any]]:
    return error.answer.get("CancellationReasons") or []


def _said(reason: dict[str, Any]) -> str:
    return f"{reason.get('Code')}: {reason.get('Message', 'no message')}"


def _because(error: AwsError) -> str:
    """Say what was wrong; of a cancelled transaction each reason once, not the code of every action."""
    said = dict.fromkeys(_said(reason) for reason in _reasons(error) if reason.get("Code", "None") != "None")
    return "; ".join(said) or str(error)


def _at_fault(codes: Sequence[str]) -> bool:
    return any(code not in _PASSING for code in codes)
