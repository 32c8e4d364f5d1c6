"""Log lines, where the Lambda runtime writes them and where it does not."""

import json
import os
import subprocess
import sys

SETUP = """
import logging, sys
from shared import logs
{before}
logs.configure(); logs.configure()
logs.logger.debug("hidden")
logs.logger.info("counted", extra={{"received": 3, "note": "\\ud800"}})
try:
    raise ValueError("bug")
except ValueError:
    logs.logger.exception("failed")
"""
RUNTIME = "root = logging.getLogger(); root.addHandler(logging.StreamHandler(sys.stdout))"


def printed(code: str, **variables: str) -> list[str]:
    """Run code in a fresh interpreter: in this one others have set logging up."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


def output(before: str = "", **variables: str) -> list[str]:
    return printed(SETUP.format(before=before), **variables)


def test_lines_are_json_objects_with_the_fields_given() -> None:
    counted, failed = map(json.loads, output())
    assert counted.pop("timestamp").endswith("Z")
    assert counted == {"level": "INFO", "message": "counted", "logger": "estate", "received": 3, "note": "\ud800"}
    assert (failed["level"], failed["stackTrace"][-1]) == ("ERROR", "ValueError: bug")


def test_in_lambdas_text_format_the_lines_are_the_same_and_not_written_twice() -> None:
    assert [json.loads(line)["message"] for line in output(RUNTIME, AWS_LAMBDA_LOG_FORMAT="Text")] == [
        "counted",
        "failed",
    ]


def test_in_lambdas_json_format_the_runtime_writes_them() -> None:
    lines = output(f"{RUNTIME}; root.setLevel('INFO')", AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="INFO")
    assert lines[:2] == ["counted", "failed"]


def test_a_log_level_that_was_asked_for_is_kept() -> None:
    lines = output(f"{RUNTIME}; root.setLevel('ERROR')", AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="ERROR")
    assert lines[0] == "failed"


def test_importing_changes_no_logging_of_others() -> None:
    looked_at = "ours.propagate, ours.handlers, logging.getLogger().handlers"
    code = f"import logging; from shared import logs; ours = logging.getLogger('estate'); print({looked_at})"
    assert printed(code) == ["True [] []"]
