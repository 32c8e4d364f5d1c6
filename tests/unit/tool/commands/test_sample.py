"""Real events with the lines that flags mix in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import sample
from estate_tool.core.errors import UsageError
from estate_tool.core.paths import ROOT
from estate_tool.events import flights
from shared.events import InvalidEvent, parse
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Callable


def test_every_flight_of_the_year_is_one_event_of_its_own() -> None:
    identities: set[str] = set()
    kinds: Counter[str] = Counter()
    for line in sample.lines(None):
        # id and source come first and type follows: taking them apart by hand is what keeps this quick.
        identity, _, rest = line.partition('","type":"')
        identities.add(identity)
        kinds[rest.partition('"')[0]] += 1
    assert len(identities) == flights.COUNT
    assert kinds == {"flight.departed": 328_521, "flight.cancelled": 8_255}


def test_flights_are_valid_events_that_measure_four_fields_at_most() -> None:
    fields: set[str] = set()
    for line in sample.lines(2000, offset=100_000):
        fields |= set(parse(line).measures)
    assert fields == {"dep_delay", "arr_delay", "air_time", "distance"}


def test_limit_and_offset_cut_the_same_flights_out() -> None:
    assert list(sample.lines(5, offset=10)) == list(islice(sample.lines(15), 10, 15))
    assert list(sample.lines(0)) == []
    assert len(list(sample.lines(10, offset=flights.COUNT - 3))) == 3


def test_the_acceptance_input_is_the_same_every_time() -> None:
    wanted = (20_000, 0, 1_000, 50, 7)
    lines = list(sample.lines(*wanted))
    assert lines == list(sample.lines(*wanted))
    assert lines != list(sample.lines(20_000, 0, 1_000, 50, 8))
    counts = Counter(lines)
    assert Counter(counts.values()) == {1: 19_000 + 50, 2: 1_000}
    assert set(sample.lines(20_000)) < set(lines)
    hours = [parse(line).hour for line in lines if line in counts and _is_valid(line)]
    assert hours != sorted(hours)


def _is_valid(line: str) -> bool:
    try:
        parse(line)
    except InvalidEvent:
        return False
    return True


def test_without_a_shuffle_what_is_mixed_in_comes_last() -> None:
    lines = list(sample.lines(20, duplicates=3, invalid=2))
    assert lines[:20] == list(sample.lines(20))
    assert set(lines[20:23]) < set(lines[:20])
    assert lines[23:] == [flights.invalid(0), flights.invalid(1)]


def test_more_duplicates_than_flights_are_refused() -> None:
    with pytest.raises(UsageError, match="--duplicates 30 of 20 flights"):
        list(sample.lines(20, duplicates=30))


def test_the_command_writes_lines(call: Callable[..., Any]) -> None:
    done = call(sample, "flights", "--limit", "1234")
    assert done.code == 0
    assert done.out.count("\n") == 1234
    assert done.out.splitlines() == list(sample.lines(1234))


def test_a_reader_that_goes_away_ends_it_silently() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "estate_tool", "sample", "flights"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT / "scripts",
        env={"PYTHONPATH": f"{ROOT}/scripts:{ROOT}:{ROOT}/lambda_src", "PATH": ""},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"specversion"')
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux how full a pipe is")
def test_nothing_is_lost_when_it_is_stopped_and_goes_on() -> None:
    import fcntl
    import termios

    with subprocess.Popen(
        [ROOT / "scripts/estate", "sample", "flights", "--limit", "3000"],
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        capacity = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)

        def is_full() -> bool:
            waiting = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
            return int.from_bytes(waiting, sys.byteorder) > capacity - 4096

        expect_soon(is_full, "the pipe is full")
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)
        assert len(process.stdout.readlines()) == 3000
        assert process.wait(timeout=60) == 0
