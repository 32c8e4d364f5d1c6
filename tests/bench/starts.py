"""What starting a function costs: imports and clients in a fresh Python, and the size of what it is made of."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from functools import partial
from pathlib import Path

from compute.packaging import package_bytes
from foundation.catalog import CATALOG
from tests.bench.harness import Measured, Row, interleaved

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"  # compiled modules are for the Python at hand
SETTINGS = {
    "AWS_LAMBDA_FUNCTION_NAME": "lambda-bench", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test", "TABLE_EVENTS": "events", "QUEUE_INGEST": "https://queue", "RETENTION_DAYS": "30",
    "TABLE_MARKS": "marks", "TABLE_AGGREGATES": "aggregates",
}  # fmt: skip
_TIMED = "import time; t = time.{1}()\n{0}\nprint(time.{1}() - t)"
_OWN = "tuple(name for name in sys.modules if name.partition('.')[0] in ('{0}', 'shared'))"
# Everything of Python's own first: in Lambda it is compiled, whatever our modules are. And nothing is set up on import.
_OWN_MODULES = f"""
import os, sys
del os.environ["AWS_LAMBDA_FUNCTION_NAME"]
import {{0}}.handler
for name in {_OWN}: del sys.modules[name]
{_TIMED.format("import {0}.handler", "process_time")}"""


def _seconds(code: str, folder: Path, *, site: bool = True) -> float:
    """What code prints in a fresh Python that sees the folder, and can keep nothing it compiles."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **SETTINGS}
    command = [sys.executable, *(() if site else ("-S",)), "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def _unpacked(package: str, folder: Path, *, compiled: bool) -> Path:
    path = folder / "package.zip"
    path.write_bytes(package_bytes(package, RUNTIME))
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if compiled or name.endswith(".py")])
    return folder


def _cold_start(package: str, small: bool) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        task = _unpacked(package, Path(folder), compiled=True)
        # Outside of a function's folder, as the runtime has it, with its compiled modules.
        theirs = _TIMED.format("import boto3; boto3.client('dynamodb')", "perf_counter")
        return interleaved(
            lambda: 1000 * _seconds(_TIMED.format(f"import {package}.handler", "perf_counter"), task, site=False),
            lambda: 1000 * _seconds(theirs, Path(folder, "nothing")),
            1 if small else 15,
        )


def _import(package: str, small: bool) -> Measured:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        compiled = _unpacked(package, Path(one), compiled=True)
        sources = _unpacked(package, Path(other), compiled=False)
        whole = _TIMED.format(f"import {package}.handler", "perf_counter")
        own = _OWN_MODULES.format(package)
        rounds = 1 if small else 15
        all_in = interleaved(
            lambda: _seconds(whole, compiled, site=False), lambda: _seconds(whole, sources, site=False), rounds
        )
        measured = interleaved(
            lambda: 1000 * _seconds(own, compiled, site=False),
            lambda: 1000 * _seconds(own, sources, site=False),
            rounds,
        )
    together = f"with Python's own modules and the client: {1000 * all_in.a:.0f} ms against {1000 * all_in.b:.0f} ms"
    return Measured(a=measured.a, b=measured.b, note=together)


def _largest_package(small: bool) -> Measured:
    sizes = {function.name: len(package_bytes(function.package, RUNTIME)) for function in CATALOG.functions}
    note = ", ".join(f"{name} {size / 1000:.0f} KB" for name, size in sizes.items())
    return Measured(a=max(sizes.values()) / 1000, b=0, note=note)


ROWS = (
    *(
        Row(
            name=f"cold-start-{package}", what=f"import of {package} and its client in a fresh Python",
            against='boto3.client("dynamodb")', unit="ms", goal=goal, measure=partial(_cold_start, package),
        )
        for package, goal in (("ingest", 0.9), ("aggregate", 0.9), ("query", 0.7))
    ),
    Row(
        name="package-import", what="import of query's own modules, compiled", against="sources", unit="ms", goal=0.3,
        measure=partial(_import, "query"),
    ),
    Row(name="package-size", what="the largest package", against="", unit="KB", goal=300, measure=_largest_package),
)  # fmt: skip
