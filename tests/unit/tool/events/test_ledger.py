"""Every message of a send is accounted for once, whatever is found of it in whatever order."""

from __future__ import annotations

import uuid
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from estate_tool.events.ledger import Ledger
from tests.support.event_tables import key

INVALID = -1
SENT = st.lists(st.integers(INVALID, 6), max_size=25)
"""Numbers of the events that messages carry."""


def ledger_of(sent: list[int], *, follow: bool = True) -> tuple[Ledger, list[str]]:
    ledger = Ledger(follow=follow)
    ids = [str(uuid.uuid4()) for _ in sent]
    for number, message_id in zip(sent, ids, strict=True):
        ledger.delivered(None if number == INVALID else key(number), message_id)
    return ledger, ids


def test_without_following_repetitions_are_all_that_is_known() -> None:
    ledger, _ = ledger_of([1, 2, 1, 1, INVALID, INVALID, 2], follow=False)
    assert (ledger.sent, ledger.duplicates, ledger.aggregated, ledger.dead_lettered) == (7, 3, 0, 0)
    assert not ledger.outstanding


def test_messages_of_others_and_messages_seen_before_are_no_news() -> None:
    ledger, ids = ledger_of([INVALID])
    assert [ledger.found_dead(each) for each in (str(uuid.uuid4()), "not-a-uuid", ids[0], ids[0])] == [
        False, False, True, False,
    ]  # fmt: skip
    assert ledger.dead_lettered == 1


def test_events_that_were_counted_before_are_none_of_this_sends() -> None:
    ledger, _ = ledger_of([1, 2, 3, 4])
    ledger.found_aggregated([key(1), key(2), key(9)])
    ledger.found_given_up([key(3)])
    assert ledger.counted_events() == [key(1), key(2)]
    ledger.found_before()
    assert (ledger.aggregated, ledger.counted_before, ledger.missing) == (1, 1, 1)


@given(SENT, st.data())
def test_counts_are_those_of_a_direct_account_in_whatever_order_events_and_messages_are_found(
    sent: list[int], data: st.DataObject
) -> None:
    ledger, ids = ledger_of(sent)
    copies = Counter(number for number in sent if number != INVALID)
    finds = [(kind, number) for kind in ("counted", "given up") for number in copies]
    finds += [("dead", position) for position in range(len(sent))]
    outcomes: dict[int, str] = {}
    dead: Counter[int] = Counter()
    for kind, which in data.draw(st.permutations(finds)):
        if kind == "dead":
            assert ledger.found_dead(ids[which])
            dead[sent[which]] += 1
            if dead[sent[which]] == copies[sent[which]]:
                outcomes.setdefault(sent[which], "given up")
        else:
            found = (ledger.found_aggregated if kind == "counted" else ledger.found_given_up)([key(which), key(9)])
            assert found == (which not in outcomes)
            outcomes.setdefault(which, kind)
        counted = [number for number, outcome in outcomes.items() if outcome == "counted"]
        assert ledger.aggregated == len(counted)
        assert ledger.duplicates == sum(copies[number] - 1 for number in counted)
        given_up = {number: copies[number] for number, outcome in outcomes.items() if outcome == "given up"}
        open_ones = [number for number in copies if number not in outcomes]
        left = {number: dead[number] for number in [INVALID, *open_ones]}
        assert ledger.dead_lettered == sum(given_up.values()) + sum(left.values())
        assert ledger.outstanding_keys() == [key(number) for number in open_ones]
        assert ledger.outstanding == bool(open_ones or dead[INVALID] < sent.count(INVALID))
        assert ledger.sent == ledger.missing + ledger.aggregated + ledger.duplicates + ledger.dead_lettered
