"""Preparation of the machine before a rollout, and its end."""

from __future__ import annotations

import contextlib
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.console import progress
from estate_tool.core.errors import Failed
from estate_tool.engine import locks
from estate_tool.rollout import session
from estate_tool.setup import engine, environments
from local_aws import provider, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def made_ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Recorded actions on the machine, in order; none of them happens."""
    done: list[Any] = []

    def up(place: Any, _say: Callable[[str], None], interpreter: Callable[[], Any]) -> None:
        done.append(("up", place.home, interpreter()))

    def install(home: Path, _python: Path) -> None:
        done.append(("install", home))

    def start(schema_cache: Path) -> Any:
        done.append(("start", schema_cache))
        return SimpleNamespace(port=4321, load=list, stop=lambda: done.append("stop"))

    monkeypatch.setenv("ESTATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ESTATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/before")
    found = engine.Engine(folder=tmp_path / "bin", version="3.259.0", source="PATH")
    monkeypatch.setattr(engine, "ensure_engine", lambda: found)
    monkeypatch.setattr(environments, "ensure_local_aws", lambda: "its python")
    monkeypatch.setattr(locks, "state_folder", lambda _: None)
    monkeypatch.setattr(server, "up", up)
    monkeypatch.setattr(provider, "install", install)
    monkeypatch.setattr(provider, "start", start)
    return done


def test_for_a_real_account_there_is_an_engine_and_nothing_local(made_ready: list[Any], tmp_path: Path) -> None:
    with session.ready(SimpleNamespace(local=False, name="dev")) as pulumi:  # type: ignore[arg-type]
        assert (pulumi.stack, pulumi.version, pulumi.attach()) == ("dev", "3.259.0", ())
        assert session.os.environ["PATH"] == f"{tmp_path}/bin:/before"
    assert made_ready == []


def test_a_local_environment_has_one_provider_from_its_first_use_to_the_end(
    made_ready: list[Any], tmp_path: Path
) -> None:
    home, local = tmp_path / "home", SimpleNamespace(local=True, name="local")

    def interrupted() -> None:
        with session.ready(local) as pulumi:  # type: ignore[arg-type]
            assert made_ready == [("up", home, "its python"), ("install", home / "pulumi")]
            assert (home / "state").is_dir()
            (provider,) = pulumi.attach()
            assert pulumi.attach() == (provider,)
            assert provider.variables == {"PULUMI_DEBUG_PROVIDERS": "aws:4321"}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert made_ready[2:] == [("start", tmp_path / "cache" / "provider" / "schema.json"), "stop"]
    with session.ready(local):  # type: ignore[arg-type]
        made_ready.clear()
    assert made_ready == []


@pytest.mark.parametrize(("free", "refused"), [(199_999_999, True), (200_000_000, False)])
def test_a_disk_that_a_rollout_could_fill_is_refused_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, refused: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    home = tmp_path / "not" / "made" / "yet"
    if not refused:
        session.require_space(home)
        assert not home.exists()
        return
    with pytest.raises(Failed) as error:
        session.require_space(home)
    assert "200 MB free" in error.value.message
    assert str(tmp_path) in error.value.message
    assert "ESTATE_HOME" in error.value.hint


@pytest.mark.parametrize(("local", "found", "state"), [(True, True, False), (True, False, True)])
def test_a_local_environment_is_read_only_where_there_is_an_engine_and_a_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, local: bool, found: bool, state: bool
) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    if state:
        (tmp_path / "state").mkdir()
    monkeypatch.setattr(engine, "find_engine", lambda: SimpleNamespace(folder="") if found else None)
    assert session.reader(SimpleNamespace(local=local, name="local")) is None  # type: ignore[arg-type]


def test_to_read_the_state_the_engine_is_put_on_the_path_and_broken_locks_are_fixed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fixed: list[Path] = []
    monkeypatch.setenv("PATH", "/before")
    monkeypatch.setattr(engine, "find_engine", lambda: SimpleNamespace(folder=tmp_path))
    monkeypatch.setattr(locks, "state_folder", lambda _: tmp_path)
    monkeypatch.setattr(locks, "fix", fixed.append)
    reader = session.reader(SimpleNamespace(local=False, name="dev"))  # type: ignore[arg-type]
    assert reader is not None
    assert reader.stack == "dev"
    assert session.os.environ["PATH"] == f"{tmp_path}:/before"
    assert fixed == [tmp_path]


def test_without_an_engine_an_account_can_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_engine", lambda: None)
    with pytest.raises(Failed, match="no Pulumi engine"):
        session.reader(SimpleNamespace(local=False, name="dev"))  # type: ignore[arg-type]


def test_only_the_embedded_aws_has_an_identity_of_its_own() -> None:
    assert session.aws_identity(SimpleNamespace(local=False, name="dev")) == ""  # type: ignore[arg-type]


def test_the_start_of_the_embedded_aws_is_shown_when_set_up_shows_nothing_any_more(
    made_ready: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def shown(doing: str = "") -> Iterator[Callable[[str], None]]:
        made_ready.extend([doing] if doing else [])
        yield made_ready.append

    monkeypatch.setattr(progress, "shown", shown)
    monkeypatch.setattr(environments, "ensure_local_aws", lambda: made_ready.append("its environment"))
    with session.ready(SimpleNamespace(local=True, name="local")):  # type: ignore[arg-type]
        assert made_ready[:2] == ["its environment", "starting the embedded AWS"]
