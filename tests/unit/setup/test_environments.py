"""Environments made from lock files, and the uv that fills them."""

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
from estate_tool.setup.environments import PINS, ensure_checkout, ensure_uv, is_made_from, version_of
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from tests.unit.setup.conftest import FakeUv, Programs

# The handler is for tests in the background of a shell, where Ctrl-C is ignored.
_ENSURE = """
import signal
import sys
from pathlib import Path
from estate_tool.setup.environments import ensure_checkout
signal.signal(signal.SIGINT, signal.default_int_handler)
ensure_checkout(Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("uv 0.13.9 (x86_64-unknown-linux-gnu)", (0, 13, 9)),
        ("go1.26", (1, 26, 0)),
        ("v3.260.0-alpha.1+ab12", (3, 260, 0)),
        ("", ()),
        ("unknown", ()),
    ],
)
def test_a_version_is_found_in_the_output_of_a_tool(text: str, version: tuple[int, ...]) -> None:
    assert version_of(text) == version


def test_a_uv_on_path_that_is_new_enough_is_used_and_nothing_installed(cache: Path, uv: FakeUv) -> None:
    assert ensure_uv() == uv.path
    assert not cache.exists()


def test_a_uv_on_path_that_is_too_old_is_passed_over(cache: Path, programs: Programs) -> None:
    programs.add("uv", "echo uv 0.5.9")
    pinned = cache / "tools" / (PINS / "uv.in").read_text().strip().replace("==", "-")
    pinned.parent.mkdir(parents=True)
    pinned.touch()
    assert ensure_uv() == pinned


def test_a_uv_is_installed_through_pip_with_its_hashes_checked(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    # Stands for a Python with pip: `-m pip install --target FOLDER …` puts a uv into FOLDER/bin.
    python = programs.add(
        "python",
        f"""echo "$@" >> "{calls}"
[ "$3" = --version ] && echo pip 24.0 && exit
mkdir -p "$5/bin" && echo uv > "$5/bin/uv"
""",
    )
    monkeypatch.setattr("sys.executable", str(python))
    installed = ensure_uv()
    assert installed.read_text() == "uv\n"
    install = calls.read_text().splitlines()[-1]
    assert "--require-hashes" in install
    assert str(PINS / "uv.txt") in install
    assert [path.name for path in installed.parent.iterdir()] == [installed.name]


def test_a_python_with_neither_pip_nor_venv_is_reported_with_the_package_to_install(
    cache: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(programs.add("python", "echo No module named venv >&2; exit 1")))
    with pytest.raises(Failed) as failed:
        ensure_uv()
    assert "neither pip nor venv" in failed.value.message
    assert "python3-venv" in failed.value.hint
    assert not list((cache / "tools").iterdir())


@pytest.fixture
def root(tmp_path: Path, uv: FakeUv) -> Path:
    """A checkout, with a lock file and a module to import; uv is the fake."""
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


def test_an_environment_is_made_once_from_the_lock_file_with_hashes_checked_and_compiled(
    uv: FakeUv, root: Path
) -> None:
    python = ensure_checkout(root)
    assert is_made_from(root / ".venv", root / "requirements.lock")
    assert os.access(python, os.X_OK)
    assert "--require-hashes --compile-bytecode" in uv.calls[-1]
    assert uv.calls[-1].endswith("requirements.lock")
    assert ensure_checkout(root) == python
    assert fills(uv) == 1


def test_the_checkouts_folders_can_be_imported_from_anywhere_and_estate_is_a_command(
    root: Path, tmp_path: Path
) -> None:
    ensure_checkout(root)
    moved = root.rename(tmp_path / "moved")
    code = "import foundation.in_foundation as f, in_scripts as s, in_lambda_src as l; print(f, s, l)"
    done = subprocess.run(
        [moved / ".venv" / "bin" / "python", "-c", code], cwd="/", text=True, capture_output=True, check=True
    )
    assert done.stdout.count(str(moved)) == 3
    assert (moved / ".venv" / "bin" / "estate").resolve() == moved / "scripts" / "estate"


def test_another_lock_file_makes_another_environment(uv: FakeUv, root: Path) -> None:
    ensure_checkout(root)
    (root / ".venv" / "old").touch()
    (root / "requirements.lock").write_text("one==2\n")
    ensure_checkout(root)
    assert fills(uv) == 2
    assert not (root / ".venv" / "old").exists()
    assert sorted(path.name for path in root.glob(".venv*")) == [".venv", ".venv.lock"]


def test_an_environment_whose_python_is_gone_is_made_again(uv: FakeUv, root: Path) -> None:
    python = ensure_checkout(root)
    python.unlink()
    python.symlink_to("/nowhere/python3")
    ensure_checkout(root)
    assert fills(uv) == 2
    assert os.access(python, os.X_OK)


def test_a_python_that_is_asked_for_replaces_the_one_that_was(
    uv: FakeUv, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = ensure_checkout(root)
    other = tmp_path / "python3"
    other.symlink_to("/bin/sh")
    python.unlink()
    python.symlink_to(other)
    ensure_checkout(root)
    assert fills(uv) == 1
    monkeypatch.setenv("ESTATE_PYTHON", sys.executable)
    ensure_checkout(root)
    assert fills(uv) == 2


def test_an_environment_of_somebody_else_is_moved_aside_not_deleted(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / ".venv").mkdir()
    (root / ".venv" / "theirs").touch()
    ensure_checkout(root)
    assert (root / ".venv.previous" / "theirs").exists()
    assert ".venv.previous" in capsys.readouterr().err


def test_a_failed_installation_leaves_the_environment_as_it_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_checkout(root)
    before = (root / "requirements.lock").read_text()
    (root / "requirements.lock").write_text("one==2\n")
    monkeypatch.setenv("FAKE_UV", "error: Failed to fetch: dns error")
    with pytest.raises(Failed, match="registry can't be reached"):
        ensure_checkout(root)
    assert (root / ".venv" / environments.STAMP).read_text() == before


def test_an_interrupted_installation_leaves_nothing_that_is_trusted_and_no_process(uv: FakeUv, root: Path) -> None:
    hanging = os.environ | {"FAKE_UV": "hang", "PYTHONPATH": str(paths.SCRIPTS)}
    process = subprocess.Popen(
        [sys.executable, "-c", _ENSURE, str(root)], env=hanging, stderr=subprocess.PIPE, text=True
    )
    pid = int(expect_soon(lambda: uv.hanging.exists() and uv.hanging.read_text(), "the fake uv is started"))
    process.send_signal(signal.SIGINT)
    _, output = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in output
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not (root / ".venv").exists()
    ensure_checkout(root)
    assert is_made_from(root / ".venv", root / "requirements.lock")
    assert sorted(path.name for path in root.glob(".venv*")) == [".venv", ".venv.lock"]


def test_the_embedded_aws_has_one_environment_per_lock_file_in_the_cache(
    cache: Path, uv: FakeUv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "local.lock"
    lock.write_text("a==1\n")
    monkeypatch.setattr(environments, "LOCAL_AWS_LOCK", lock)
    first = environments.ensure_local_aws()
    assert first == environments.ensure_local_aws()
    assert first.is_relative_to(cache / "local-aws")
    lock.write_text("a==2\n")
    assert environments.ensure_local_aws() != first
    assert first.exists()
    assert fills(uv) == 2
