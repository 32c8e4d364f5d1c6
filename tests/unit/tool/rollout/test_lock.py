"""One rollout of an environment at a time: on one machine, and from any machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.errors import Failed
from estate_tool.core.paths import SCRIPTS
from estate_tool.rollout import lock, session
from estate_tool.rollout.display import Display
from estate_tool.rollout.lock import Holder
from foundation.layers import LAYER_NAMES
from tests.support.fake_engine import FakePulumi, deploy, destroy
from tests.unit.tool.conftest import Estate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OTHER = Holder(
    number="0123456789ab", home="another", since="2026-11-27T01:00:00Z", process="42", who="ann@laptop",
    doing="estate destroy",
)  # fmt: skip
HOLDING = """
import sys
from estate_tool.rollout.lock import locked
with locked("dev", "estate destroy", wait=False, say=print):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{SCRIPTS}{os.pathsep}{SCRIPTS.parent}")


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the environment `dev` until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def locked(environment: str = "dev", *, wait: bool = False, say: Callable[[str], None] = print) -> Any:
    return lock.locked(environment, "estate deploy", wait=wait, say=say)


def test_a_second_process_is_refused_with_the_holder(process: subprocess.Popen[str], tmp_path: Path) -> None:
    with pytest.raises(Failed) as refused, locked():
        pass
    assert f"(estate destroy, process {process.pid}) since 2" in refused.value.message
    assert refused.value.code == "taken"
    assert "--wait" in refused.value.hint
    with locked("dev-b"):
        assert process.poll() is None
    (tmp_path / "rollouts" / "dev.lock").write_text("")
    with pytest.raises(Failed, match="taken by another process"), locked():
        pass


def test_waiting_ends_when_the_holder_does(process: subprocess.Popen[str]) -> None:
    said: list[str] = []
    assert process.stdin is not None
    release = process.stdin.close

    def say(text: str) -> None:
        said.append(text)
        threading.Thread(target=release).start()

    with locked(wait=True, say=say):
        assert process.wait(10) == 0
    (waiting,) = said
    assert waiting.startswith("waiting for ")
    assert f"process {process.pid}" in waiting


def test_an_environment_is_held_from_the_end_of_waiting_on(
    process: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ["2026-01-01T00:00:00Z"]
    monkeypatch.setattr(lock, "utc_time", lambda _: clock[-1])

    def say(_: str) -> None:
        clock.append("2026-01-02T00:00:00Z")
        process.kill()

    with locked(wait=True, say=say) as own:
        assert own.since == "2026-01-02T00:00:00Z"


def test_a_lock_ends_with_its_process_and_with_its_block(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    with pytest.raises(ZeroDivisionError), locked():
        raise ZeroDivisionError
    with locked():
        pass


class Backend(FakePulumi):
    """An engine whose lease may be changed by others: each of `others` is called before one answer."""

    def __init__(self, kept: str = "", deployed: tuple[str, ...] = LAYER_NAMES) -> None:
        super().__init__(deployed)
        self.kept_lease = kept
        self.others: list[Callable[[], None]] = []

    def lease(self) -> str | None:
        if self.others:
            self.others.pop(0)()
        return super().lease()

    def put(self, text: str) -> None:
        self.kept_lease = text


def leased(backend: Any, *, new: bool = True, wait: bool = False, say: Callable[[str], None] = print) -> Any:
    return lock.leased(backend, Holder.own("estate deploy"), new=new, wait=wait, say=say)


def test_a_lease_names_its_holder_and_ends_with_the_block() -> None:
    backend = Backend()
    with leased(backend) as check:
        kept = Holder.parse(backend.kept_lease)
        assert kept is not None
        assert (kept.doing, kept.who != "", kept.since[-1]) == ("estate deploy", True, "Z")
        assert len(backend.kept_lease) < 200
        check()
    assert backend.kept_lease == ""


@pytest.mark.parametrize(
    ("text", "holder"),
    [
        (str(OTHER), "ann@laptop (estate destroy, process 42) since 2026-11-27T01:00:00Z, for "),
        ("2 something of a later version", "another version of this tool"),
        ("x", "another version of this tool"),
    ],
)
def test_a_lease_of_another_machine_is_refused_with_the_command_that_breaks_it(text: str, holder: str) -> None:
    backend = Backend(text)
    with pytest.raises(Failed) as refused, leased(backend):
        pass
    assert holder in refused.value.message
    assert refused.value.code == "taken"
    assert "scripts/estate pulumi stack tag rm estate:lease --stack dev --cwd foundation" in refused.value.hint
    assert backend.kept_lease == text


def test_waiting_ends_when_the_lease_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_LEASE_POLL_SECONDS", 0.0)
    backend, said = Backend(str(OTHER)), list[str]()
    backend.others = [lambda: None, lambda: None, lambda: backend.put("")]
    with leased(backend, wait=True, say=said.append):
        assert backend.kept_lease != str(OTHER)
    assert [text.partition(" since")[0] for text in said] == [
        "waiting for ann@laptop (estate destroy, process 42)"
    ]  # fmt: skip


def test_a_lease_that_a_killed_command_of_this_machine_left_is_taken_over() -> None:
    backend, said = Backend(str(Holder.own("estate deploy"))), list[str]()
    with leased(backend, say=said.append) as check:
        check()
    assert len(said) == 1
    assert "it has ended" in said[0]


def test_a_copy_of_a_state_folder_is_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Holder.own("estate deploy").home
    assert Holder.own("estate destroy").home == here
    copy = tmp_path / "copy"
    (copy / "rollouts").mkdir(parents=True)
    (copy / "rollouts" / "identity").write_text((tmp_path / "rollouts" / "identity").read_text())
    monkeypatch.setenv("ESTATE_HOME", str(copy))
    assert Holder.own("estate deploy").home != here


def test_the_last_of_two_that_wrote_at_the_same_time_has_it() -> None:
    backend = Backend()
    with leased(backend) as check:
        backend.kept_lease = str(OTHER)
        with pytest.raises(Failed, match="taken by ann@laptop"):
            check()
    assert backend.kept_lease == str(OTHER)


def test_the_first_check_waits_until_all_have_written(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(lock, "_SETTLE_SECONDS", 5.0)
    monkeypatch.setattr(lock.time, "sleep", waited.append)
    with leased(Backend()) as check:
        check()
    assert 4.0 < waited[0] <= 5.0


@pytest.mark.parametrize(
    ("lost_at", "calls", "results"),
    [
        (1, set(), ["failed", "skipped", "skipped", "skipped"]),
        (2, {"preview"}, ["failed", "skipped", "skipped", "skipped"]),
        (4, {"preview", "up"}, ["deployed", "failed", "skipped", "skipped"]),
    ],
    ids=["before the first preview", "before the first rollout", "after the second layer"],
)
def test_a_rollout_that_lost_the_lease_touches_no_further_layer(
    lost_at: int, calls: set[str], results: list[str]
) -> None:
    backend: Any = FakePulumi(deployed=LAYER_NAMES)
    answers = iter(range(1, 99))

    def check_lease() -> None:
        if next(answers) == lost_at:
            raise Failed("lost")

    done = deploy(backend, LAYER_NAMES, Display(), check_lease=check_lease)
    assert {call for call, _ in backend.calls} == calls
    assert [one.result for one in done.layers] == results
    assert {one.error for one in done.layers if one.result == "failed"} == {"lost"}
    assert [name for call, name in backend.calls if call == "up"] == ["foundation", "data"][: 2 * (lost_at == 4)]


def test_a_teardown_that_lost_the_lease_touches_no_further_layer() -> None:
    backend: Any = FakePulumi(deployed=LAYER_NAMES)

    def check_lease() -> None:
        if ("destroy", "observability") in backend.calls:
            raise Failed("lost")

    done = destroy(backend, LAYER_NAMES, Display(), check_lease=check_lease)
    assert [one.result for one in done.layers] == ["failed", "skipped", "skipped", "skipped"]


def test_a_new_environment_gets_its_first_stack_and_leaves_none_that_is_empty() -> None:
    backend = Backend(deployed=())
    with leased(backend):
        assert backend.resources == {"foundation": 0}
    assert backend.resources == {}
    with leased(backend):
        backend.resources["foundation"] = 7
    assert (backend.resources, backend.kept_lease) == ({"foundation": 7}, "")


def test_a_first_stack_that_another_command_has_just_made_is_theirs() -> None:
    class Late(Backend):
        def create_stack(self, layer: str) -> None:
            self.resources[layer] = 0
            self.kept_lease = str(OTHER)
            raise Failed("already exists")

    backend = Late(deployed=())
    with pytest.raises(Failed, match="taken by ann@laptop"), leased(backend):
        pass
    assert backend.resources == {"foundation": 0}


def test_a_rollout_whose_first_stack_is_gone_has_lost_the_lease() -> None:
    backend = Backend(deployed=())
    with leased(backend) as check:
        del backend.resources["foundation"]
        with pytest.raises(Failed, match="broken"):
            check()


def test_where_nothing_is_deployed_a_teardown_makes_no_stack() -> None:
    backend = Backend(deployed=())
    with leased(backend, new=False) as check:
        check()
    assert backend.calls == []


def test_a_lease_that_cannot_be_removed_is_reported_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    backend, said = Backend(), list[str]()

    def unreachable() -> None:
        raise Failed("no network")

    monkeypatch.setattr(backend, "end_lease", unreachable)
    with leased(backend, say=said.append):
        pass
    assert "no network" in said[0]
    assert "stack tag rm estate:lease" in said[0]


@pytest.mark.parametrize(
    ("local", "changes", "has_lease"), [(False, True, True), (False, False, False), (True, True, False)]
)
def test_only_what_changes_a_real_environment_takes_a_lease(
    local: bool, changes: bool, has_lease: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Backend()
    monkeypatch.setattr(session, "ready", lambda *_: contextlib.nullcontext(backend))
    target: Any = Estate(local=local)
    with lock.taken(target, "estate deploy", changes=changes, wait=False, say=print) as (pulumi, _):
        assert pulumi is backend
        assert bool(backend.kept_lease) is has_lease


def test_of_two_that_read_no_lease_at_once_one_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # One barrier for each meeting: one that is aborted breaks those that have yet to leave it.
    read, written, ended = (threading.Barrier(2, timeout=60) for _ in range(3))
    came_through = list[str]()

    class Both(Backend):
        def lease(self) -> str | None:
            found = super().lease()
            if not found:
                read.wait()
            return found

    backend = Both()
    monkeypatch.setattr(lock, "_identity", lambda: threading.current_thread().name)

    def run() -> None:
        with contextlib.suppress(Failed), leased(backend) as check:
            written.wait()
            check()
            came_through.append(threading.current_thread().name)
            ended.wait()

    def stop() -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            run()
        read.abort()
        ended.abort()

    threads = [threading.Thread(target=stop, name=name) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(came_through) == 1
