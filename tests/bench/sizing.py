"""Time and memory for the reports of a million invocations, in a process that does nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from estate_tool.core.paths import ROOT
from tests.bench.harness import Measured, Row

# Lines are made while they are read, a page at a time, as they come from CloudWatch: half text, half JSON.
_PROGRAM = """
import json, resource, sys, time
from estate_tool.sizing.evidence import ReportCounts
from estate_tool.sizing.recommendation import recommend
from tests.support.log_lines import json_record, text_line

def line(number):
    make = text_line if number % 2 else json_record
    return make(412 + number % 201, duration=number % 7919 * 1.37, billed=number % 7919 + 1,
                init=number % 4999 * 0.77 if number % 100 == 0 else None)

counts, making = ReportCounts(), 0.0
started = time.perf_counter()
for first in range(0, int(sys.argv[1]), 10_000):
    began = time.perf_counter()
    page = [line(number) for number in range(first, first + 10_000)]
    making += time.perf_counter() - began
    counts.add_lines(page)
evidence = counts.evidence("")
advice = recommend(3008, evidence)
print(json.dumps({
    "seconds": time.perf_counter() - started - making,
    "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "samples": evidence.samples, "p99": evidence.p99_mb, "target": advice.target_mb,
}))
"""


def _reports(small: bool) -> Measured:
    lines = 10_000 if small else 1_000_000
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(lines)], cwd=ROOT, check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    report = json.loads(run.stdout)
    assert (report["samples"], report["p99"], report["target"]) == (lines, 610, 768), report
    return Measured(a=report["seconds"], b=0, note=f"{lines:,} reports, {report['mb']:.0f} MB (goal: 200)")


ROWS = (Row(name="rightsize", what="1,000,000 REPORT lines read", against="", unit="s", goal=60, measure=_reports),)
