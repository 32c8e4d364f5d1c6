from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core import paths
from estate_tool.core.errors import Failed
from estate_tool.setup import environments
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from tests.unit.setup.conftest import FakeUv, Said

# Ctrl-C is heard there also where the tests run in the background of a shell that silenced it.
_ENSURE = """
import signal
import sys
from pathlib import Path
from estate_tool.setup.environments import ensure_checkout
from estate_tool.console.progress import Report
signal.signal(signal.SIGINT, signal.default_int_handler)
ensure_checkout(Report(), Path(sys.argv[1]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout, with a lock file and a module to import."""
    root = tmp_path / "a checkout"
    for folder in ("scripts", "lambda_src", "foundation"):
        (root / folder).mkdir(parents=True)
        (root / folder / f"in_{folder}.py").touch()
    (root / "foundation" / "__init__.py").touch()
    (root / "scripts" / "estate").touch()
    (root / "requirements.lock").write_text("one==1\n")
    return root


def fills(uv: FakeUv) -> int:
    return sum(call.startswith("pip sync") for call in uv.calls)


def test_an_environment_is_made_from_the_lock_file_with_hashes_checked_and_compiled(
    cache: Path, uv: FakeUv, said: Said, root: Path
) -> None:
    python = environments.ensure_checkout(said, root)
    assert environments.is_made_from(root / ".venv", root / "requirements.lock")
    assert os.access(python, os.X_OK)
    assert "--require-hashes --compile-bytecode" in uv.calls[-1]
    assert uv.calls[-1].endswith("requirements.lock")


def test_the_checkouts_folders_can_be_imported_from_anywhere_and_estate_is_a_command(
    cache: Path, uv: FakeUv, said: Said, root: Path, tmp_path: Path
) -> None:
    environments.ensure_checkout(said, root)
    moved = root.rename(tmp_path / "moved")
    code = "import foundation.in_foundation as f, in_scripts as s, in_lambda_src as l; print(f, s, l)"
    done = subprocess.run(
        [moved / ".venv" / "bin" / "python", "-c", code], cwd="/", text=True, capture_output=True, check=True
    )
    assert done.stdout.count(str(moved)) == 3
    assert (moved / ".venv" / "bin" / "estate").resolve() == moved / "scripts" / "estate"


def test_nothing_is_done_again_as_long_as_the_lock_file_stays(cache: Path, uv: FakeUv, said: Said, root: Path) -> None:
    environments.ensure_checkout(said, root)
    environments.ensure_checkout(said, root)
    assert fills(uv) == 1


def test_another_lock_file_makes_another_environment(cache: Path, uv: FakeUv, said: Said, root: Path) -> None:
    environments.ensure_checkout(said, root)
    (root / ".venv" / "old").touch()
    (root / "requirements.lock").write_text("one==2\n")
    environments.ensure_checkout(said, root)
    assert fills(uv) == 2
    assert not (root / ".venv" / "old").exists()
    assert sorted(path.name for path in root.glob(".venv*")) == [".venv", ".venv.lock"]


def test_an_environment_whose_python_is_gone_is_made_again(cache: Path, uv: FakeUv, said: Said, root: Path) -> None:
    python = environments.ensure_checkout(said, root)
    python.unlink()
    python.symlink_to("/nowhere/python3")
    environments.ensure_checkout(said, root)
    assert fills(uv) == 2
    assert os.access(python, os.X_OK)


def test_a_python_that_is_asked_for_replaces_the_one_that_was(
    cache: Path, uv: FakeUv, said: Said, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = environments.ensure_checkout(said, root)
    other = tmp_path / "python3"
    other.symlink_to("/bin/sh")
    python.unlink()
    python.symlink_to(other)
    environments.ensure_checkout(said, root)
    assert fills(uv) == 1
    monkeypatch.setenv("ESTATE_PYTHON", sys.executable)
    environments.ensure_checkout(said, root)
    assert fills(uv) == 2


def test_an_environment_of_somebody_else_is_moved_aside_not_deleted(
    cache: Path, uv: FakeUv, said: Said, root: Path
) -> None:
    (root / ".venv").mkdir()
    (root / ".venv" / "theirs").touch()
    environments.ensure_checkout(said, root)
    assert (root / ".venv.previous" / "theirs").exists()
    assert ".venv.previous" in said.text


def test_a_failed_installation_leaves_the_environment_as_it_was(
    cache: Path, uv: FakeUv, said: Said, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments.ensure_checkout(said, root)
    before = (root / "requirements.lock").read_text()
    (root / "requirements.lock").write_text("one==2\n")
    monkeypatch.setenv("FAKE_UV", "error: Failed to fetch: dns error")
    with pytest.raises(Failed, match="registry can't be reached"):
        environments.ensure_checkout(said, root)
    assert (root / ".venv" / environments.STAMP).read_text() == before


def test_an_interrupted_installation_leaves_nothing_that_is_trusted_and_no_process(
    cache: Path, uv: FakeUv, said: Said, root: Path
) -> None:
    hanging = os.environ | {"FAKE_UV": "hang", "PYTHONPATH": str(paths.SCRIPTS)}
    process = subprocess.Popen(
        [sys.executable, "-c", _ENSURE, str(root)], env=hanging, stderr=subprocess.PIPE, text=True
    )
    expect_soon(uv.hanging.exists, "the fake uv is started")
    process.send_signal(signal.SIGINT)
    _, said_by_it = process.communicate(timeout=20)  # ends only when nothing holds its output open any more
    assert "KeyboardInterrupt" in said_by_it
    assert not (root / ".venv").exists()
    environments.ensure_checkout(said, root)
    assert environments.is_made_from(root / ".venv", root / "requirements.lock")
    assert sorted(path.name for path in root.glob(".venv*")) == [".venv", ".venv.lock"]


def test_the_embedded_aws_has_one_environment_per_lock_file_in_the_cache(
    cache: Path, uv: FakeUv, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "local.lock"
    lock.write_text("a==1\n")
    monkeypatch.setattr(environments, "LOCAL_AWS_LOCK", lock)
    first = environments.ensure_local_aws(said)
    assert first == environments.ensure_local_aws(said)
    assert first.is_relative_to(cache / "local-aws")
    lock.write_text("a==2\n")
    assert environments.ensure_local_aws(said) != first
    assert first.exists()
    assert fills(uv) == 2


def test_a_checkout_that_can_not_be_written_is_a_message_that_names_it(
    cache: Path, uv: FakeUv, said: Said, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failed, match=r"can't write .*file") as failed:
        environments.ensure_checkout(said, tmp_path / "file" / "checkout")
    assert "make that folder writable" in failed.value.hint


def test_a_cache_that_can_not_be_written_is_a_message_that_names_the_way_out(
    uv: FakeUv, said: Said, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ESTATE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(Failed, match="can't write") as failed:
        environments.ensure_checkout(said, root)
    assert "ESTATE_CACHE" in failed.value.hint
