"""Waiting within the time an invocation has."""

from shared.deadline import MAX_ATTEMPTS, Deadline
from tests.support.samples import FakeContext


def test_a_second_is_kept_back() -> None:
    assert Deadline(FakeContext(1500)).remaining() == 0.5
    assert not Deadline(FakeContext(1500)).passed()
    assert Deadline(FakeContext(1000)).passed()


def test_pauses_grow_and_end_after_ten_attempts() -> None:
    waited: list[float] = []
    deadline = Deadline(FakeContext(60_000), waited.append)
    attempts = 0
    while deadline.pause(attempts):
        attempts += 1
    assert attempts + 1 == MAX_ATTEMPTS == 10
    for attempt, seconds in enumerate(waited):
        assert 0 <= seconds <= min(2, 0.05 * 2**attempt)
    assert len(set(waited)) > 1


def test_there_is_no_pause_that_could_outlast_the_invocation() -> None:
    waited: list[float] = []
    assert not Deadline(FakeContext(1040), waited.append).pause(0)
    assert Deadline(FakeContext(1060), waited.append).pause(0)
    assert not Deadline(FakeContext(2900), waited.append).pause(6)
    assert len(waited) == 1
