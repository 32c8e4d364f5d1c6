from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.errors import Failed
from estate_tool.setup import build, engine

if TYPE_CHECKING:
    from tests.unit.setup.conftest import FakeUv, Programs, Said

# Answers like go: its version, the packages a program consists of, where a module lies; "builds" by writing a file.
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
def go(programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A go on PATH; the file it writes its command lines into."""
    programs.add("go", _FAKE_GO)
    sdk = tmp_path / "sdk"
    for script in build.SCRIPTS:
        (sdk / script).parent.mkdir(parents=True, exist_ok=True)
        (sdk / script).write_text("script")
    for name, value in {"VERSION": "go1.99.1", "SDK": str(sdk), "FAILS": "", "CALLS": str(tmp_path / "calls")}.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "calls"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def test_a_build_makes_every_program_of_the_engine(cache: Path, go: Path, folder: Path, said: Said) -> None:
    build.build(cache / "work", folder, said)
    assert sorted(path.name for path in folder.iterdir()) == sorted(engine.PROGRAMS)
    assert (folder / "pulumi").read_text().strip() == build.ENGINE.package
    assert (folder / "pulumi-language-python-exec").stat().st_mode & 0o111


def test_versions_stand_in_go_mod_and_are_given_to_the_programs(
    cache: Path, go: Path, folder: Path, said: Said
) -> None:
    assert build.pinned_version("engine", build.ENGINE.pinned) == f"v{engine.VERSION}"
    build.build(cache / "work", folder, said)
    built = [line for line in go.read_text().splitlines() if line.startswith("build")]
    assert [
        f"version.Version={build.pinned_version(p.module, p.pinned)}" in line
        for p, line in zip((build.ENGINE, build.HOST), built, strict=True)
    ] == [True, True]


def test_a_module_that_go_mod_does_not_name_is_an_error() -> None:
    with pytest.raises(Failed, match="does not name example"):
        build.pinned_version("engine", "example.org/none")


def test_what_the_user_has_set_for_go_does_not_change_what_is_built(
    cache: Path, go: Path, folder: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOOS", "plan9")
    build.build(cache / "work", folder, said)
    for line in go.read_text().splitlines()[1:]:
        assert line.split(" | ")[1].strip() == (
            f"-mod=readonly -modcacherw -trimpath -buildvcs=false local 0 {cache / 'work' / 'modules'}"
        )


def test_progress_counts_modules_and_packages(cache: Path, go: Path, folder: Path, said: Said) -> None:
    build.build(cache / "work", folder, said)
    assert "downloading modules · 0 s · 1 modules downloaded" in said.text
    assert f"building pulumi v{engine.VERSION} · 0 s · linking" in said.text


def test_the_count_of_packages_grows_towards_the_total() -> None:
    count = build._Count(total=3)  # pyright: ignore[reportPrivateUsage] # what is counted shows only for a moment
    assert count(["go: downloading m", "a"]) == "1 of 3 packages compiled"
    assert count(["b"]) == "2 of 3 packages compiled"
    assert count(["c"]) == "linking"


def test_a_failed_build_names_the_reason_and_the_log(
    cache: Path, go: Path, folder: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS", "dial tcp: lookup example.org: no such host")
    with pytest.raises(Failed, match="registry can't be reached") as failed:
        build.build(cache / "work", folder, said)
    log = cache / "logs" / "engine.log"
    assert str(log) in failed.value.hint
    assert "no such host" in log.read_text()


@pytest.mark.parametrize("version", ["go1.20.3", "nonsense"])
def test_a_go_that_is_too_old_is_replaced_by_one_for_this_build(
    cache: Path, go: Path, folder: Path, said: Said, uv: FakeUv, programs: Programs,
    monkeypatch: pytest.MonkeyPatch, version: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("VERSION", version)
    inside = "lib/python3/site-packages/go/bin"
    made: list[Path] = []

    def make(_what: str, folder: Path, lock: Path, _report: Said) -> None:
        made.append(lock)
        programs.add("go", _FAKE_GO, folder / inside)

    monkeypatch.setattr(build.environments, "make", make)
    build.build(cache / "work", folder, said)
    assert [lock.name for lock in made] == ["go.txt"]
    assert (folder / "pulumi").exists()


def test_too_little_space_is_said_before_anything_is_downloaded(
    cache: Path, go: Path, folder: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(folder)._replace(free=3 * 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(Failed, match=r"needs 5 GB of free space for a while, and .* has 3\.0 GB") as failed:
        build.build(cache / "work", folder, said)
    assert "ESTATE_CACHE" in failed.value.hint
    assert not go.exists()


def test_a_build_that_was_interrupted_keeps_what_it_has_and_needs_less_space(
    cache: Path, go: Path, folder: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "work" / "modules").mkdir(parents=True)
    (cache / "work" / "modules" / "kept").touch()
    free = shutil.disk_usage(folder)._replace(free=3 * 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    build.build(cache / "work", folder, said)
    assert (cache / "work" / "modules" / "kept").exists()


def test_the_oldest_go_is_the_newest_one_that_a_module_asks_for() -> None:
    asked = [file.read_text().split("\ngo ")[1].split()[0] for file in build.MODULES.glob("*/go.mod")]
    assert ".".join(map(str, build.oldest_go())) in asked
    assert build.oldest_go() >= (1, 25, 0)
