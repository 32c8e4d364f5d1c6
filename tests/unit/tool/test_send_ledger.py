from __future__ import annotations

import uuid
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from estate_tool.events.ledger import Ledger

# Small numbers stand for events; -1 is an invalid line.
SENT = st.lists(st.integers(-1, 6), max_size=25)


def key(number: int) -> bytes | None:
    return None if number < 0 else sha256(str(number).encode()).digest()


def ledger_of(sent: list[int], *, follow: bool = True) -> tuple[Ledger, list[str]]:
    ledger = Ledger(follow=follow)
    ids = [str(uuid.uuid4()) for _ in sent]
    for number, message_id in zip(sent, ids, strict=True):
        ledger.delivered(key(number), message_id)
    return ledger, ids


def test_without_following_repetitions_are_all_that_is_known() -> None:
    ledger, _ = ledger_of([1, 2, 1, 1, -1, -1, 2], follow=False)
    assert (ledger.sent, ledger.duplicates, ledger.aggregated, ledger.dead_lettered) == (7, 3, 0, 0)
    assert not ledger.outstanding


def test_aggregated_events_duplicates_and_dead_letters_add_up_to_what_was_sent() -> None:
    ledger, ids = ledger_of([1, 2, 1, -1, 3])
    assert ledger.missing == 5
    assert ledger.found_aggregated([key(1) or b"", key(2) or b""]) == 2
    assert ledger.found_dead(ids[3])
    assert ledger.outstanding
    assert ledger.found_dead(ids[4])
    assert not ledger.outstanding
    assert (ledger.aggregated, ledger.duplicates, ledger.dead_lettered, ledger.missing) == (2, 1, 2, 0)


def test_messages_of_others_and_messages_seen_before_are_no_news() -> None:
    ledger, ids = ledger_of([-1])
    assert not ledger.found_dead(str(uuid.uuid4()))
    assert not ledger.found_dead("not-a-uuid")
    assert ledger.found_dead(ids[0])
    assert not ledger.found_dead(ids[0])
    assert ledger.dead_lettered == 1


def test_an_event_is_given_up_when_all_of_its_messages_are_dead() -> None:
    ledger, ids = ledger_of([1, 1])
    ledger.found_dead(ids[0])
    assert (ledger.outstanding_events, ledger.dead_lettered, ledger.missing) == (1, 1, 1)
    ledger.found_dead(ids[1])
    assert (ledger.outstanding_events, ledger.dead_lettered, ledger.missing) == (0, 2, 0)


def test_a_dead_message_of_an_event_that_another_message_brought_is_a_duplicate() -> None:
    ledger, ids = ledger_of([1, 1])
    ledger.found_dead(ids[0])
    ledger.found_aggregated([key(1) or b""])
    assert (ledger.aggregated, ledger.duplicates, ledger.dead_lettered, ledger.missing) == (1, 1, 0, 0)


def test_an_event_that_the_aggregation_gave_up_takes_all_its_messages_with_it() -> None:
    ledger, _ = ledger_of([1, 1, 2])
    assert ledger.found_given_up([key(1) or b"", key(9) or b""]) == 1
    assert (ledger.dead_lettered, ledger.outstanding_events) == (2, 1)


def test_outstanding_events_keep_the_order_in_which_they_were_sent() -> None:
    ledger, _ = ledger_of([3, 1, -1, 2, 1])
    assert ledger.outstanding_keys() == [key(3), key(1), key(2)]
    ledger.found_aggregated([key(1) or b""])
    assert ledger.outstanding_keys() == [key(3), key(2)]


@given(SENT, st.data())
def test_nothing_is_lost_or_counted_twice_whatever_is_found_in_whatever_order(
    sent: list[int], data: st.DataObject
) -> None:
    ledger, ids = ledger_of(sent)
    finds = [("event", number) for number in set(sent) - {-1}] + [
        ("message", position) for position in range(len(sent))
    ]
    found_events: set[int] = set()
    for kind, which in data.draw(st.permutations(finds)):
        if kind == "event":
            ledger.found_aggregated([key(which) or b""])
            found_events.add(which)
        else:
            ledger.found_dead(ids[which])
        assert ledger.missing >= 0
        assert ledger.sent == ledger.aggregated + ledger.duplicates + ledger.dead_lettered + ledger.missing
    # Everything was found in one way or another.
    assert ledger.missing == 0
    assert not ledger.outstanding
    assert ledger.aggregated <= len(found_events)
    assert ledger.dead_lettered >= sent.count(-1)
