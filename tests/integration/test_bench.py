"""The measurements that need an engine work, in small; times are not checked here.

ESTATE_BENCH=all has those run, too, that roll out the whole estate or fetch another tool: minutes.
"""

from __future__ import annotations

import os

import pytest

from tests.bench.harness import Row
from tests.bench.rollouts import ROWS


@pytest.mark.timeout(900)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_measurement_works_in_small(row: Row) -> None:
    if row.name != "from-nothing" and os.environ.get("ESTATE_BENCH") != "all":
        pytest.skip("takes minutes; ESTATE_BENCH=all runs it")
    result = row.result(row.measure(True))
    assert result["a"] > 0
    assert result["ratio"] > 0
