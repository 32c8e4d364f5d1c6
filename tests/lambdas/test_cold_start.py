"""Cost of a function's start, and its entry point's use of the environment."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import shared

SOURCE = Path(shared.__file__).parent.parent
SETTINGS = {
    "TABLE_EVENTS": "events", "QUEUE_INGEST": "https://queue", "RETENTION_DAYS": "30", "TABLE_PAGES": "pages",
    "DEAD_LETTER_QUEUE": "https://dead", "MAX_FIELDS": "100", "TABLE_AGGREGATES": "aggregates",
}  # fmt: skip
LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "lambda-test", "AWS_REGION": "us-east-1"}
HEAVY = ["boto3", "botocore", "urllib3", "aws_lambda_powertools", "pydantic", "dataclasses", "inspect", "asyncio"]


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that sees the functions' source as Lambda does, and nothing else of ours."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), **variables}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def loaded(code: str, **variables: str) -> set[str]:
    done = python(f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))", **variables)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("function", ["ingest", "aggregate", "query"])
def test_a_cold_start_loads_little_of_the_standard_library_and_its_own_modules_only(function: str) -> None:
    idle = loaded("")
    modules = loaded(f"import {function}.handler", **LAMBDA, **SETTINGS) - idle
    assert not modules & set(HEAVY)
    assert len(modules) < 130
    assert {name.partition(".")[0] for name in modules} - sys.stdlib_module_names == {function, "shared"}


@pytest.mark.parametrize(
    ("function", "variable"),
    [("ingest", "RETENTION_DAYS"), ("aggregate", "MAX_FIELDS"), ("query", "TABLE_AGGREGATES")],
)
def test_a_wrong_environment_stops_the_function_when_it_starts(function: str, variable: str) -> None:
    settings = {name: value for name, value in SETTINGS.items() if name != variable}
    done = python(f"import {function}.handler", **LAMBDA, **settings)
    assert done.returncode != 0
    assert f"the environment variable {variable} is not set" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("function", ["ingest", "aggregate", "query"])
def test_outside_lambda_an_import_does_nothing(function: str) -> None:
    assert python(f"import {function}.handler").returncode == 0


NO_HOUR = {"type": "t", "from": "2013-01-02T00:00:00Z", "to": "2013-01-01T00:00:00Z"}
CALL = """
import json, {0}.handler
class Context:
    def get_remaining_time_in_millis(self): return 3000
print(json.dumps({0}.handler.handle({1}, Context())))
"""


@pytest.mark.parametrize(
    ("function", "event", "answer"),
    [
        ("ingest", {"Records": []}, {"batchItemFailures": []}),
        ("aggregate", {"Records": []}, {"batchItemFailures": []}),
        ("query", NO_HOUR, {**NO_HOUR, "subject": None, "buckets": [], "totals": {"count": 0, "data": {}}}),
    ],
)
def test_handlers_answer_and_log_one_line_of_json(function: str, event: dict[str, Any], answer: dict[str, Any]) -> None:
    done = python(CALL.format(function, event), **LAMBDA, **SETTINGS)
    assert done.returncode == 0, done.stderr
    *log, result = map(json.loads, done.stdout.splitlines())
    assert result == answer
    assert [(line["level"], line["logger"]) for line in log] == [("INFO", "estate")]
