"""The engine: on PATH, in the cache, or installed from the first source that works."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.errors import Failed
from estate_tool.setup import build, engine, release

if TYPE_CHECKING:
    from tests.unit.setup.conftest import Programs


class Sources:
    """Release and Go build that make an engine, or fail with their entry of `fails`."""

    def __init__(self, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fails: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.version = f"v{engine.VERSION}"
        self._programs = programs
        monkeypatch.setattr(release, "fetch", lambda _version, _programs, folder: self._make("release", folder))
        monkeypatch.setattr(build, "build", lambda _work, folder: self._make("built", folder))

    def _make(self, source: str, folder: Path) -> None:
        self.asked.append(source)
        for name in engine.PROGRAMS:
            self._programs.add(name, f"echo {self.version}", folder)
            if source in self.fails:
                raise self.fails[source]


@pytest.fixture
def sources(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> Sources:
    return Sources(programs, monkeypatch)


def test_an_engine_on_path_with_its_python_host_comes_first(programs: Programs, sources: Sources) -> None:
    programs.add_pulumi("v3.300.1")
    programs.add("pulumi-language-python", "")
    found = engine.ensure_engine()
    assert (found.folder, found.version, found.source) == (programs.folder, "3.300.1", "PATH")
    assert sources.asked == []


def test_the_host_may_lie_beside_the_program_that_path_only_links_to(programs: Programs, tmp_path: Path) -> None:
    real = programs.add_pulumi(f"v{engine.VERSION}", tmp_path / "opt")
    programs.add("pulumi-language-python", "", tmp_path / "opt")
    (programs.folder / "pulumi").symlink_to(real)
    assert isinstance(engine.find_on_path(), engine.Engine)


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("v3.258.9", "v3.258.9; 3.259.0 or newer is needed"),
        ("v3.259.0-alpha.1", "v3.259.0-alpha.1; 3.259.0 or newer"),
        ("v4.0.0", "older than 4"),
        ("nonsense", "does not say its version"),
        ("v3.259.0", "no pulumi-language-python beside it or on PATH"),
    ],
)
def test_an_engine_on_path_that_will_not_do_is_passed_over_with_the_reason(
    programs: Programs, version: str, why: str
) -> None:
    programs.add_pulumi(version)
    found = engine.find_on_path()
    assert isinstance(found, str)
    assert why in found


def test_an_engine_on_path_is_asked_for_its_version_once_until_it_changes(programs: Programs) -> None:
    pulumi = programs.add_pulumi("v3.300.0")
    programs.add("pulumi-language-python", "")
    asked = programs.folder / "pulumi.asked"
    assert [engine.bin_folder(), engine.bin_folder()] == [programs.folder, programs.folder]
    assert asked.read_text().count("asked") == 1
    pulumi.write_text(pulumi.read_text().replace("v3.300.0", "v3.100.10"))
    assert isinstance(engine.find_on_path(), str)
    assert asked.read_text().count("asked") == 2


def test_an_engine_on_path_needs_no_cache(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_CACHE", "/dev/null/cache")
    programs.add_pulumi("v3.300.0")
    programs.add("pulumi-language-python", "")
    assert engine.ensure_engine().source == "PATH"


def test_without_one_the_release_is_installed_once(sources: Sources) -> None:
    first = engine.ensure_engine()
    assert (first.source, first.version) == ("release", engine.VERSION)
    assert all(os.access(first.folder / name, os.X_OK) for name in engine.PROGRAMS)
    stamp = json.loads((first.folder.parent / engine.STAMP).read_text())
    assert stamp == {"version": engine.VERSION, "source": "release"}
    assert engine.ensure_engine() == first == engine.find_engine()
    assert sources.asked == ["release"]


def test_the_engine_in_the_cache_does_not_count_as_one_on_path(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = engine.ensure_engine()
    monkeypatch.setenv("PATH", f"{first.folder}{os.pathsep}{os.environ['PATH']}")
    assert engine.ensure_engine().source == "release"


def test_where_the_release_fails_the_go_build_is_next(sources: Sources, capsys: pytest.CaptureFixture[str]) -> None:
    sources.fails["release"] = Failed("no answer within 5 s")
    assert engine.ensure_engine().source == "built"
    assert sources.asked == ["release", "built"]
    assert "no answer within 5 s" in capsys.readouterr().err


def test_when_nothing_works_the_error_lists_everything_that_was_tried(programs: Programs, sources: Sources) -> None:
    programs.add_pulumi("v3.1.0")
    sources.fails = {"release": Failed("no answer within 5 s"), "built": Failed("it needs 5 GB", "free some space")}
    with pytest.raises(Failed) as failed:
        engine.ensure_engine()
    lines = failed.value.message.splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == [
        "pulumi on PATH",
        "official release",
        "build from Go modules",
    ]
    assert "v3.1.0" in lines[0]
    assert "no answer within 5 s" in lines[1]
    assert "it needs 5 GB" in lines[2]
    assert failed.value.hint.splitlines()[0] == "free some space"
    assert "pulumi.com/docs/install" in failed.value.hint
    assert engine.find_engine() is None


def test_an_engine_that_does_not_run_here_is_not_installed(sources: Sources) -> None:
    sources.version = "exec format error"
    with pytest.raises(Failed, match="does not run on this machine"):
        engine.ensure_engine()
    assert engine.find_engine() is None


def test_an_installation_that_is_interrupted_leaves_nothing_that_is_trusted(sources: Sources) -> None:
    sources.fails["release"] = KeyboardInterrupt()  # type: ignore[assignment] # a BaseException is what Ctrl-C raises
    with pytest.raises(KeyboardInterrupt):
        engine.ensure_engine()
    assert engine.find_engine() is None
    sources.fails.clear()
    assert engine.ensure_engine().source == "release"


@pytest.mark.parametrize("name", [*engine.PROGRAMS, None])
def test_an_engine_that_lost_a_program_or_its_stamp_is_installed_again(sources: Sources, name: str | None) -> None:
    folder = engine.ensure_engine().folder
    (folder / name if name else folder.parent / engine.STAMP).unlink()
    assert engine.find_engine() is None
    assert engine.ensure_engine().pulumi.exists()
    assert sources.asked == ["release", "release"]


def test_what_an_interrupted_build_left_goes_away_once_there_is_an_engine(sources: Sources) -> None:
    folder = engine.ensure_engine().folder.parent
    leftover = folder.with_name(folder.name + ".build")
    (leftover / "modules").mkdir(parents=True)
    assert engine.ensure_engine().folder.parent == folder
    assert not leftover.exists()
