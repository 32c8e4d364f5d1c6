"""The measurements that need an engine work, in small; how long they take is nobody's business here.

ESTATE_BENCH=all has those run, too, that roll out the whole estate or fetch another tool: minutes.
"""

from __future__ import annotations

import os

import pytest

from tests.bench import growth, rollouts, whole
from tests.bench.harness import NotMeasured, Row

ROWS = [row for part in (rollouts, growth, whole) for row in part.ROWS]
ONE_LAYER = {"unchanged", "from-nothing"}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_measurement_works_in_small(row: Row) -> None:
    if row.name not in ONE_LAYER and os.environ.get("ESTATE_BENCH") != "all":
        pytest.skip("takes minutes; ESTATE_BENCH=all runs it")
    try:
        result = row.result(row.measure(True))
    except NotMeasured as reason:
        pytest.skip(str(reason))
    assert result["a"] > 0
    assert result["ratio"] > 0
