"""Cost of a start: of a function, its imports and clients in a fresh Python and its package's size; of a command."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from functools import partial
from pathlib import Path

from compute.packaging import build
from estate_tool.core.paths import ROOT
from foundation.catalog import CATALOG
from tests.bench.harness import Measured, Row, interleaved

SETTINGS = {
    "AWS_LAMBDA_FUNCTION_NAME": "lambda-bench", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test", "TABLE_EVENTS": "events", "QUEUE_INGEST": "https://queue", "RETENTION_DAYS": "30",
    "TABLE_PAGES": "pages", "TABLE_AGGREGATES": "aggregates", "DEAD_LETTER_QUEUE": "https://dead", "MAX_FIELDS": "100",
}  # fmt: skip
_RUNTIME = "python3.13"
_TIMED = "import time; t = time.perf_counter()\n{0}\nprint(time.perf_counter() - t)"


def _seconds(code: str, folder: Path, *, site: bool = True) -> float:
    """Run code in a fresh Python with the folder on its path and without .pyc files; return its output."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **SETTINGS}
    command = [sys.executable, *(() if site else ("-S",)), "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def _unpacked(package: str, folder: Path) -> Path:
    function = next(each for each in CATALOG.functions if each.package == package)
    with zipfile.ZipFile(build(function, _RUNTIME)) as archive:
        archive.extractall(folder)
    return folder


def _cold_start(package: str, small: bool) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        task = _unpacked(package, Path(folder))
        # Outside of a function's folder, as the runtime has it, with its compiled modules.
        theirs = _TIMED.format("import boto3; boto3.client('dynamodb')")
        return interleaved(
            lambda: 1000 * _seconds(_TIMED.format(f"import {package}.handler"), task, site=False),
            lambda: 1000 * _seconds(theirs, Path(folder, "nothing")),
            1 if small else 15,
        )


def _largest_package(small: bool) -> Measured:
    sizes = {function.name: build(function, _RUNTIME).stat().st_size for function in CATALOG.functions}
    note = ", ".join(f"{name} {size / 1000:.0f} KB" for name, size in sizes.items())
    return Measured(a=max(sizes.values()) / 1000, b=0, note=note)


def _command(small: bool) -> Measured:
    """Return the milliseconds of a command's help: the quickest of many, the least disturbed by other load."""

    def once() -> float:
        begun = time.perf_counter()
        subprocess.run([ROOT / "scripts" / "estate", "status", "--help"], check=True, stdout=subprocess.DEVNULL)
        return 1000 * (time.perf_counter() - begun)

    return Measured(a=min(once() for _ in range(2 if small else 20)), b=0)


ROWS = (
    *(
        Row(
            name=f"cold-start-{package}", what=f"import of {package} and its client in a fresh Python",
            against='boto3.client("dynamodb")', unit="ms", goal=goal, measure=partial(_cold_start, package),
        )
        for package, goal in (("ingest", 0.9), ("aggregate", 0.9), ("query", 0.7))
    ),
    Row(name="package-size", what="the largest package", against="", unit="KB", goal=300, measure=_largest_package),
    Row(
        name="command-start", what="estate status --help, start to end", against="", unit="ms", goal=60,
        measure=_command,
    ),
)  # fmt: skip
