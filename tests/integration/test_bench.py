"""The measurements that need an engine work, in small; times are not checked here.

They take minutes: ESTATE_BENCH=all has them run. Their code is tested on recorded commands in `tests/bench`.
"""

from __future__ import annotations

import os

import pytest

from tests.bench.harness import Row
from tests.bench.rollouts import ROWS

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.environ.get("ESTATE_BENCH") != "all", reason="takes minutes; ESTATE_BENCH=all runs it"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_measurement_works_in_small(row: Row) -> None:
    result = row.result(row.measure(True))
    assert result["a"] > 0
    assert result["ratio"] > 0
