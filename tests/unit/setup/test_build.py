"""The engine's programs built by a go that only pretends."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.errors import Failed
from estate_tool.setup import build, engine

if TYPE_CHECKING:
    from tests.unit.setup.conftest import FakeUv, Programs

# Answers like go: its version, the packages of a program, the folder of a module; "builds" by writing a file.
_FAKE_GO = """
echo "$@ | $GOFLAGS $GOTOOLCHAIN $CGO_ENABLED $GOMODCACHE ${GOOS:-}" >> "$CALLS"
case "$1 $2" in
  "env GOVERSION") echo "$VERSION" ;;
  "list -deps") echo "go: downloading example.org/a v1.0.0" >&2; echo a; echo b ;;
  "list -m") echo "$SDK" ;;
  "build -v")
    [ -z "$FAILS" ] || { echo "$FAILS" >&2; exit 1; }
    echo a >&2; echo b >&2
    while [ "$1" != -o ]; do shift; done
    echo "$3" > "$2" ;;
esac
"""


@pytest.fixture
def calls(programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A go on PATH; the file with its command lines."""
    programs.add("go", _FAKE_GO)
    sdk = tmp_path / "sdk"
    for script in build.SCRIPTS:
        (sdk / script).parent.mkdir(parents=True, exist_ok=True)
        (sdk / script).write_text("script")
    for name, value in {"VERSION": "go1.99.1", "SDK": str(sdk), "FAILS": "", "CALLS": str(tmp_path / "calls")}.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "calls"


@pytest.fixture
def work(cache: Path) -> Path:
    return cache / "work"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def test_a_build_makes_every_program_with_the_version_in_go_mod_whatever_the_user_has_set_for_go(
    calls: Path, work: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOOS", "plan9")
    build.build(work, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(engine.PROGRAMS)
    assert (folder / "pulumi").read_text().strip() == build.ENGINE.package
    assert (folder / "pulumi-language-python-exec").stat().st_mode & 0o111
    commands, variables = zip(*(line.split(" | ") for line in calls.read_text().splitlines()[1:]), strict=True)
    settings = f"-mod=readonly -modcacherw -trimpath -buildvcs=false local 0 {work / 'modules'}"
    assert {each.strip() for each in variables} == {settings}
    built = [line for line in commands if line.startswith("build")]
    for program, line in zip((build.ENGINE, build.HOST), built, strict=True):
        assert f"version.Version={build.pinned_version(program.module, program.pinned)}" in line
    assert build.pinned_version("engine", build.ENGINE.pinned) == f"v{engine.VERSION}"


def test_a_module_that_go_mod_does_not_name_is_an_error() -> None:
    with pytest.raises(Failed, match="does not name example"):
        build.pinned_version("engine", "example.org/none")


def test_progress_counts_modules_then_packages_towards_the_total() -> None:
    count = build.Count()
    assert count(["go: downloading m"]) == "1 modules downloaded"
    count.total = 3
    assert count(["go: downloading m", "a"]) == "1 of 3 packages compiled"
    assert [count(["b"]), count(["c"])] == ["2 of 3 packages compiled", "linking"]


def test_a_failed_build_names_the_reason_and_the_log(
    cache: Path, calls: Path, work: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS", "dial tcp: lookup example.org: no such host")
    with pytest.raises(Failed, match="registry can't be reached") as failed:
        build.build(work, folder)
    log = cache / "logs" / "engine.log"
    assert str(log) in failed.value.hint
    assert "no such host" in log.read_text()


@pytest.mark.parametrize("version", ["go1.20.3", "nonsense"])
def test_a_go_that_is_too_old_is_replaced_by_one_for_this_build(
    calls: Path, work: Path, folder: Path, uv: FakeUv, programs: Programs, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setenv("VERSION", version)
    made: list[str] = []

    def make(_what: str, folder: Path, lock: Path) -> None:
        made.append(lock.name)
        programs.add("go", _FAKE_GO, folder / "lib/python3/site-packages/go/bin")

    monkeypatch.setattr(build.environments, "make", make)
    build.build(work, folder)
    assert made == ["go.txt"]
    assert (folder / "pulumi").exists()


@pytest.mark.parametrize("interrupted", [False, True])
def test_too_little_space_is_reported_before_a_download_and_what_an_interrupted_build_has_needs_none(
    calls: Path, work: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    free = shutil.disk_usage(folder)._replace(free=3 * 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    if interrupted:
        (work / "modules").mkdir(parents=True)
        (work / "modules" / "kept").touch()
        build.build(work, folder)
        assert (work / "modules" / "kept").exists()
        return
    with pytest.raises(Failed, match=r"needs 5 GB of free space for a while, and .* has 3\.0 GB") as failed:
        build.build(work, folder)
    assert "ESTATE_CACHE" in failed.value.hint
    assert not calls.exists()


def test_the_oldest_go_is_the_newest_one_that_a_module_asks_for() -> None:
    asked = [file.read_text().split("\ngo ")[1].split()[0] for file in build.MODULES.glob("*/go.mod")]
    assert ".".join(map(str, build.oldest_go())) in asked
    assert build.oldest_go() >= (1, 25, 0)
