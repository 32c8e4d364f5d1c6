from __future__ import annotations

import errno
from pathlib import Path

import pytest

from estate_tool.core.errors import Failed, UsageError, show
from estate_tool.setup.processes import explain, writing

LOG = Path("/cache/logs/x.log")


@pytest.mark.parametrize(
    ("printed", "cause"),
    [
        ("error: failed to write: No space left on device (os error 28)", "no space left"),
        ("error: failed to create directory: Permission denied (os error 13)", "no permission to write"),
        ("mkdir: Read-only file system", "no permission to write"),
        ("Hash mismatch for `uv==0.13.9`", "not the hash that the lock file names"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "not the hash that the lock file names"),
        ("verifying module: checksum mismatch", "not the hash that the lock file names"),
        ("Caused by: dns error: failed to lookup address", "registry can't be reached"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", "registry can't be reached"),
        ("dial tcp: lookup example.org: no such host", "registry can't be reached"),
        ("Failed to establish a new connection: [Errno -3] Temporary failure in name resolution", "registry can't be"),
        ("tls: failed to verify certificate: x509: unknown authority", "registry can't be reached"),
        ("compile: signal: killed", "too little memory"),
    ],
)
def test_the_cause_is_named_whatever_tool_reports_it(printed: str, cause: str) -> None:
    failed = explain("installing", f"first\n{printed}\nlast", LOG)
    assert failed.message.startswith("installing: ")
    assert cause in failed.message
    assert str(LOG) in failed.hint


def test_any_other_failure_shows_the_last_lines_and_the_log() -> None:
    failed = explain("installing", "\n".join(f"line {number}" for number in range(20)), LOG)
    assert failed.message.splitlines()[0] == "installing failed:"
    assert failed.message.splitlines()[-1].strip() == "line 19"
    assert "line 5" not in failed.message
    assert str(LOG) in failed.hint


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EACCES, "writable"),
        (errno.EROFS, "writable"),
    ],
)
def test_a_failure_to_write_names_the_place_and_the_way_out(number: int, hint: str) -> None:
    with (
        pytest.raises(Failed, match=r"can't write the thing: /some/where: ") as failed,
        writing("the thing", Path("/some")),
    ):
        raise OSError(number, "reason", "/some/where")
    assert hint in failed.value.hint


def test_errors_that_are_no_failure_to_write_pass() -> None:
    with pytest.raises(UsageError), writing("the thing", Path("/some")):
        raise UsageError("wrong")
    with pytest.raises(ValueError, match="other"), writing("the thing", Path("/some")):
        raise ValueError("other")


def test_an_error_is_shown_as_message_and_steps(capsys: pytest.CaptureFixture[str]) -> None:
    show(Failed("it broke", "do this\nor that"))
    assert capsys.readouterr().err == "error: it broke\n  → do this\n  → or that\n"
