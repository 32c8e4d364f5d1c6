"""Reasons against a function's new memory, from its counts before and after the change."""

from __future__ import annotations

from typing import Any

import pytest

from estate_tool.sizing.verification import problems

BEFORE = {"invocations": 100, "ooms": 0, "failures": 2, "timeouts": 0, "duration_p99_ms": 100}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        ({}, {"invocations": 49, "failures": 0}, ["49 invocations since, fewer than 50: too few to tell"]),
        ({}, {"invocations": 50, "failures": 1}, []),
        ({"invocations": 0}, {"invocations": 1, "failures": 0}, ["1 invocation since, fewer than 50: too few to tell"]),
        ({}, {"ooms": 1}, ["1 out of memory"]),
        # One percentage point more is allowed.
        ({}, {"failures": 3}, []),
        ({}, {"failures": 4}, ["4.0 % failed, 2.0 % before"]),
        ({}, {"timeouts": 2}, ["2.0 % timed out, 0.0 % before"]),
        # A metric counts no timeouts.
        ({"timeouts": None}, {"timeouts": 2}, ["2.0 % timed out, 0.0 % before"]),
        # 25 % slower is allowed.
        ({}, {"duration_p99_ms": 125}, []),
        ({}, {"duration_p99_ms": 126}, ["p99 of durations 126 ms, 100 ms before"]),
        ({"duration_p99_ms": None}, {"duration_p99_ms": 126}, []),
        ({}, {"duration_p99_ms": None}, []),
        ({}, {"ooms": 2, "failures": 50}, ["2 out of memory", "50.0 % failed, 2.0 % before"]),
    ],
)
def test_worse_is_out_of_memory_more_failures_or_slower(
    before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert list(problems(BEFORE | before, BEFORE | after, 50, 25)) == expected
