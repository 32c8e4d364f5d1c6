"""Verdicts on work, from what DynamoDB says about whole transactions."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.aws import AwsError
from shared.deadline import Deadline
from shared.transactions import Actions, Committer
from tests.lambdas.fake_dynamodb import canceled
from tests.lambdas.samples import deadline

CODES = {
    "fine": "None",
    "duplicate": "ConditionalCheckFailed",
    "rejected": "ValidationError",
    "new kind": "SomethingAwsInventsLater",
}


class Scripted:
    """Cancels transactions by the fate each item of work is bound for; `total` items are too many for one Update."""

    def __init__(self, fates: Sequence[str], too_many: int = 1000) -> None:
        self.fates = fates
        self.too_many = too_many
        self.committed: list[int] = []

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        del deadline
        assert operation == "TransactWriteItems"
        works = [int(action["Put"]) for action in request["TransactItems"] if "Put" in action]
        codes = [CODES[self.fates[work]] for work in works]
        codes.append("ValidationError" if len(works) > self.too_many else "None")
        if set(codes) != {"None"}:
            raise canceled([{"Code": code, "Message": f"because of {code}"} for code in codes])
        self.committed += works
        return {}


def build(works: Sequence[int]) -> Actions:
    return [*({"Put": work} for work in works), {"Update": len(works)}]


@given(st.lists(st.sampled_from(sorted(CODES)), max_size=30), st.integers(1, 40))
def test_every_item_gets_the_verdict_it_is_due_and_is_committed_at_most_once(fates: list[str], too_many: int) -> None:
    scripted = Scripted(fates, too_many)
    committer = Committer(scripted, build, deadline())
    committer.commit(range(len(fates)))
    verdicts = committer.verdicts
    assert sorted(verdicts.done) == sorted(scripted.committed) == [n for n, fate in enumerate(fates) if fate == "fine"]
    assert sorted(verdicts.duplicates) == [n for n, fate in enumerate(fates) if fate == "duplicate"]
    assert sorted(n for n, _ in verdicts.rejected) == [n for n, f in enumerate(fates) if f in ("rejected", "new kind")]
    assert verdicts.postponed == []


def test_the_reason_of_a_rejection_is_what_dynamodb_says_of_that_item() -> None:
    committer = Committer(Scripted(["fine", "rejected"]), build, deadline())
    committer.commit([0, 1])
    assert committer.verdicts.rejected == [(1, "ValidationError: because of ValidationError")]


def test_what_is_too_much_even_alone_is_rejected() -> None:
    committer = Committer(Scripted(["fine"] * 8, too_many=0), build, deadline())
    committer.commit(range(8))
    assert sorted(n for n, _ in committer.verdicts.rejected) == list(range(8))


def test_a_cancellation_without_reasons_is_waited_out() -> None:
    class Vague:
        asked = 0

        def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
            del request, deadline
            self.asked += 1
            if self.asked < 4:
                raise AwsError(operation, "TransactionCanceledException", "cancelled")
            return {}

    committer = Committer(Vague(), build, deadline())
    committer.commit([1, 2])
    assert committer.verdicts.done == [1, 2]


def test_work_that_is_postponed_says_why_once() -> None:
    class Busy:
        def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
            del operation, deadline
            raise canceled([{"Code": "TransactionConflict", "Message": "busy"} for _ in request["TransactItems"]])

    committer = Committer(Busy(), build, deadline())
    committer.commit([1, 2])
    assert committer.verdicts.postponed == [1, 2]
    assert committer.verdicts.reason == "TransactionConflict: busy"
