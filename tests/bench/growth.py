"""Cost of a rollout per resource with a hundred functions, against ten."""

from __future__ import annotations

import json
import shutil
import time

from tests.bench.checkouts import checkout, largest_child_mb
from tests.bench.harness import Measured, Row

_CATALOG = """

from dataclasses import replace

CATALOG = replace(
    CATALOG,
    functions=CATALOG.functions
    + tuple(
        Function(
            name=f"bench-{{number}}",
            handler=f"bench_{{number}}.handler.handle",
            description="One of many.",
            timeout_seconds=10,
            grants=(TableGrant(table="aggregates", access=("query",)),),
        )
        for number in range({more})
    ),
)
"""


def _rollout(functions: int) -> tuple[float, int]:
    """Seconds of a rollout from nothing of this many functions, and how many resources it made."""
    with checkout() as run:
        more = functions - 3
        catalog = run.root / "foundation/catalog.py"
        catalog.write_text(catalog.read_text() + _CATALOG.format(more=more))
        sizing = run.root / "compute/sizing.json"
        document = json.loads(sizing.read_text())
        for number in range(more):
            shutil.copytree(run.root / "lambda_src/query", run.root / f"lambda_src/bench_{number}")
            document["functions"][f"bench-{number}"] = document["functions"]["query"]
        sizing.write_text(json.dumps(document))
        started = time.perf_counter()
        report = json.loads(run("scripts/deploy_all.sh", "--skip-preview", "--json").stdout)
        seconds = time.perf_counter() - started
        return seconds, sum(layer["created"] for layer in report["layers"])


def _growth(small: bool) -> Measured:
    """Milliseconds per resource."""
    few, many = (4, 6) if small else (10, 100)
    few_seconds, few_resources = _rollout(few)
    many_seconds, many_resources = _rollout(many)
    note = (
        f"{few} functions: {few_resources} resources in {few_seconds:.1f} s; {many}: {many_resources} in "
        f"{many_seconds:.1f} s; {largest_child_mb():.0f} MB at most in one process"
    )
    return Measured(a=1000 * many_seconds / many_resources, b=1000 * few_seconds / few_resources, note=note)


ROWS = (
    Row(
        name="growth", what="rollout from nothing of 100 functions, per resource", against="of 10", unit="ms", goal=1.1,
        measure=_growth,
    ),
)  # fmt: skip
