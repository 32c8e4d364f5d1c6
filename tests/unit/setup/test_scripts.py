"""scripts/estate as a user meets it: in a checkout of its own, with a uv that only pretends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core import paths
from estate_tool.setup import __main__ as set_up
from estate_tool.setup import environments

if TYPE_CHECKING:
    from tests.unit.setup.conftest import FakeUv, Programs


@pytest.fixture
def root(tmp_path: Path, cache: Path) -> Path:
    """A checkout that holds the set-up and a tool that prints its arguments."""
    root = tmp_path / "my checkout"
    tool = root / "scripts" / "estate_tool"
    tool.mkdir(parents=True)
    for name in ("estate", "_setup.sh", "deploy_all.sh", "deploy_layer.sh", "destroy_all.sh", "destroy_layer.sh"):
        shutil.copy2(paths.SCRIPTS / name, root / "scripts" / name)
    shutil.copy2(paths.SCRIPTS / "estate_tool" / "__init__.py", tool)
    for package in ("core", "console", "setup"):
        source = paths.SCRIPTS / "estate_tool" / package
        shutil.copytree(source, tool / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(paths.ROOT / "foundation", root / "foundation", ignore=shutil.ignore_patterns("__pycache__"))
    (tool / "__main__.py").write_text("import os, sys\nprint(os.getcwd(), *sys.argv[1:], sep='|')\n")
    (root / "requirements.lock").write_text("one==1\n")
    return root


@pytest.fixture
def python3(programs: Programs) -> Path:
    """The Python that a machine has."""
    return programs.add("python3", f'exec "{Path(sys.executable).resolve()}" "$@"')


def call(command: Path | str, *args: str, cwd: Path | str = "/") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(command), *args],
        cwd=cwd,
        text=True,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def test_the_first_call_sets_up_and_later_ones_do_as_long_as_the_lock_file_stays(
    root: Path, uv: FakeUv, python3: Path
) -> None:
    done = call(root / "scripts" / "estate", "status", "a b")
    assert (done.returncode, done.stdout) == (0, "/|status|a b\n"), done.stderr
    assert "set-up: making the checkout's environment" in done.stderr
    assert environments.is_made_from(root / ".venv", root / "requirements.lock")
    before = uv.calls
    away = python3.rename(python3.with_name("away"))
    done = call(root / "scripts" / "estate", "status")
    assert (done.returncode, done.stdout, done.stderr) == (0, "/|status\n", "")
    assert uv.calls == before
    away.rename(python3)
    (root / "requirements.lock").write_text("one==2\n")
    assert "set-up: making" in call(root / "scripts" / "estate", "status").stderr
    assert environments.is_made_from(root / ".venv", root / "requirements.lock")


def test_it_works_through_links_from_any_folder_and_when_the_checkout_was_moved(
    root: Path, uv: FakeUv, python3: Path, tmp_path: Path
) -> None:
    (tmp_path / "estate.py").write_text("raise SystemExit('the working folder is none of ours')")
    (tmp_path / "link").symlink_to("my checkout/scripts/estate")
    assert call(tmp_path / "link", "status", cwd=tmp_path).stdout == f"{tmp_path}|status\n"
    moved = root.rename(tmp_path / "elsewhere")
    assert call(moved / ".venv" / "bin" / "estate", "status", cwd=tmp_path).stdout == f"{tmp_path}|status\n"


@pytest.mark.parametrize("version", ["CPython 3.9.2", "CPython 2.7.18", "PyPy 3.11.9", ""])
def test_without_a_python_that_is_new_enough_there_is_a_message(root: Path, programs: Programs, version: str) -> None:
    if version:
        programs.add("python3", f"echo {version}")
    done = call(root / "scripts" / "estate", "status")
    found = f"python3 is {version}" if version else "there is no python3"
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"error: set-up needs CPython 3.11 or newer; {found}"
    assert "ESTATE_PYTHON" in done.stderr


def test_a_newer_python_under_another_name_is_found(root: Path, programs: Programs, uv: FakeUv, python3: Path) -> None:
    python3.rename(python3.with_name("python3.12"))
    programs.add("python3", "echo CPython 3.9.2")
    assert call(root / "scripts" / "estate", "status").stdout == "/|status\n"


def test_a_python_can_be_named(
    root: Path, programs: Programs, uv: FakeUv, python3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESTATE_PYTHON", str(python3.rename(tmp_path / "mine")))
    assert call(root / "scripts" / "estate", "status").stdout == "/|status\n"
    monkeypatch.setenv("ESTATE_PYTHON", "/nowhere/python")
    done = call(root / "scripts" / "estate", "status")
    assert (done.returncode, "there is no /nowhere/python" in done.stderr) == (1, True)


def test_a_failed_installation_is_a_message_and_the_next_call_tries_again(
    root: Path, uv: FakeUv, python3: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_UV", "error: No space left on device (os error 28)")
    done = call(root / "scripts" / "estate", "status")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no space left on the disk" in done.stderr
    assert "Traceback" not in done.stderr
    monkeypatch.delenv("FAKE_UV")
    assert call(root / "scripts" / "estate", "status").returncode == 0


@pytest.mark.parametrize(
    ("script", "args", "asked"),
    [
        ("deploy_all.sh", ["local-b", "--json"], "deploy|local-b|--json"),
        ("destroy_all.sh", [], "destroy"),
        ("deploy_layer.sh", ["data", "local-b", "--preview"], "deploy|--layer|data|local-b|--preview"),
        ("destroy_layer.sh", ["data"], "destroy|--layer|data"),
    ],
)
def test_the_scripts_pass_everything_on(
    root: Path, uv: FakeUv, python3: Path, script: str, args: list[str], asked: str
) -> None:
    assert call(root / "scripts" / script, *args).stdout == f"/|{asked}\n"


@pytest.mark.parametrize("script", ["deploy_layer.sh", "destroy_layer.sh"])
@pytest.mark.parametrize("args", [[], ["--json"]])
def test_a_layer_script_without_a_layer_is_wrong_usage(
    root: Path, programs: Programs, script: str, args: list[str]
) -> None:
    done = call(root / "scripts" / script, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"usage: {script} LAYER" in done.stderr


def test_the_scripts_and_the_set_up_agree_on_the_stamp() -> None:
    assert environments.STAMP in (paths.SCRIPTS / "_setup.sh").read_text()


def test_every_script_can_be_started() -> None:
    scripts = [path for path in paths.SCRIPTS.glob("*.sh") if path.name != "_setup.sh"]
    assert all(os.access(path, os.X_OK) for path in [*scripts, paths.SCRIPTS / "estate", paths.ROOT / ".ci" / "run"])


def test_an_unknown_step_of_the_set_up_is_wrong_usage() -> None:
    done = call(sys.executable, str(paths.SCRIPTS / "estate_tool" / "setup" / "__main__.py"), "nonsense")
    assert done.returncode == 2
    assert "one of: venv, engine, local-aws," in done.stderr


def test_a_set_up_that_is_stopped_reports_that_it_can_be_continued(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    handled: list[int] = []
    monkeypatch.setattr(signal, "signal", lambda number, _handler: handled.append(number))
    monkeypatch.setattr(environments, "ensure_checkout", stopped)
    assert set_up.main(["venv", "engine"]) == 130
    assert "the same command goes on from here" in capsys.readouterr().err
    assert handled == [signal.SIGTERM, signal.SIGHUP]


def test_a_folder_that_can_not_be_written_is_a_message_that_names_it(
    uv: FakeUv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ESTATE_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert set_up.main(["local-aws"]) == 1
    assert f"error: {tmp_path}/file/cache" in capsys.readouterr().err
