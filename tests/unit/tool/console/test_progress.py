"""Progress where there is no terminal, and lengths of time."""

from __future__ import annotations

import io

import pytest

from estate_tool.console.progress import Progress, duration


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (245, "4 min 05 s")])
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_log_file_gets_a_moving_line_every_20_seconds_with_the_time_since_the_start() -> None:
    out, times = io.StringIO(), iter((100, 100, 119, 120, 120, 130, 139, 181, 181, 181))
    progress = Progress("begun", out, clock=lambda: next(times))
    for text in "abcde":
        progress.show(lambda text=text: text)
    progress.line("done")
    progress.end()
    assert out.getvalue() == "b · 20 s\ne · 1 min 21 s\ndone\n"
