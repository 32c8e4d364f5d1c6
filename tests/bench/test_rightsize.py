"""How long a million reports take, and how much memory, in a process that does nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from estate_tool.paths import ROOT

LINES = 1_000_000
MOST_SECONDS = 60
MOST_MB = 200
# Lines are made while they are read, a page at a time, as they come from CloudWatch: half text, half JSON.
PROGRAM = f"""
import json, resource, time
from estate_tool.sizing.evidence import Evidence
from estate_tool.sizing.recommendation import recommend
from tests.unit.tool.log_lines import json_record, text_line

def line(number):
    make = text_line if number % 2 else json_record
    return make(412 + number % 201, duration=number % 7919 * 1.37, billed=number % 7919 + 1,
                init=number % 4999 * 0.77 if number % 100 == 0 else None)

evidence, making = Evidence(), 0.0
started = time.perf_counter()
for first in range(0, {LINES}, 10_000):
    began = time.perf_counter()
    page = [line(number) for number in range(first, first + 10_000)]
    making += time.perf_counter() - began
    evidence.add_lines(page)
said = recommend(3008, evidence.usage)
print(json.dumps({{
    "seconds": time.perf_counter() - started - making,
    "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "samples": evidence.memory.count, "p99": evidence.memory.percentile(99), "target": said.target_mb,
}}))
"""


@pytest.mark.timeout(300)
def test_a_million_reports_are_read_within_a_minute_and_200_mb(record_property: Any) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, check=True, capture_output=True, text=True,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}:{ROOT / 'lambda_src'}"},
    )  # fmt: skip
    told = json.loads(run.stdout)
    print(f"{LINES:,} reports: {told['seconds']:.1f} s, {told['mb']:.0f} MB")
    assert (told["samples"], told["p99"], told["target"]) == (LINES, 610, 768)
    assert told["seconds"] < MOST_SECONDS
    assert told["mb"] < MOST_MB
