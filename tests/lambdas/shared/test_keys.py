"""Keys of events and series."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.keys import event_key, series_key


def test_keys_never_change() -> None:
    """Stored data is found by them: a change loses it."""
    assert event_key("/s", "1") == "5517c40abd4fb17baaa73a4da433164f57a0d037d0c319edbb2efcff28b95e7c"
    assert series_key("flight.departed") == "135952b1d6b405ae9588ec016b88c9e4a2ea2bb8dcb2569b67618a26c4feac9a"
    assert series_key("flight.departed", "") == "a2759da3bc11a984df02e7d41f0078fca16adffdd2d182524109e5b1b9716daf"
    assert series_key("flight.departed", "UA") == "1c45d4b4a07766c28e503cc68cfb44b8aeca661261a4aac6acf918f750e03588"


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_different_pairs_have_different_keys(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (event_key(*one) == event_key(*other)) == (one == other)


@given(st.text(), st.text())
def test_no_shift_between_the_parts_gives_the_same_key(text: str, more: str) -> None:
    both = text + more
    keys = [event_key(both[:cut], both[cut:]) for cut in range(len(both) + 1)]
    assert len(set(keys)) == len(keys)
    assert all(one != other for one, other in pairwise(keys))


def test_the_series_of_a_type_is_none_of_its_subjects() -> None:
    assert len({series_key("t"), series_key("t", ""), series_key("t", "t"), series_key("", "t")}) == 4
