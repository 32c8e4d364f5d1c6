"""One rollout of a real environment at a time, from any machine."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.errors import Failed
from estate_tool.rollout import lease, lock, orchestration, session
from estate_tool.rollout.display import Display
from estate_tool.rollout.lease import Lease
from foundation.layers import LAYER_NAMES
from tests.support.fake_engine import FakePulumi
from tests.unit.tool.conftest import Estate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OTHER = Lease(
    number="0123456789ab", home="another", since="2026-11-27T01:00:00Z", process="42", who="ann@laptop",
    doing="estate destroy",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))


class Backend(FakePulumi):
    """An engine whose lease may be changed by others: each of `others` is in the place of one answer."""

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


def held(backend: Any, *, new: bool = True, wait: bool = False, say: Callable[[str], None] = print) -> Any:
    return lease.held(backend, "estate deploy", new=new, wait=wait, say=say)


def test_a_lease_names_holder_work_and_start_and_ends() -> None:
    backend = Backend()
    with held(backend) as still_ours:
        kept = Lease.parse(backend.kept_lease)
        assert kept is not None
        assert (kept.doing, kept.who != "", kept.since[-1]) == ("estate deploy", True, "Z")
        assert len(backend.kept_lease) < 200
        still_ours()
    assert backend.kept_lease == ""


def test_while_another_has_it_nothing_is_done_and_the_way_to_break_it_is_reported() -> None:
    backend = Backend(str(OTHER), deployed=LAYER_NAMES)
    with pytest.raises(Failed) as refused, held(backend):
        pass
    assert all(part in refused.value.message for part in ("ann@laptop", "estate destroy", "process 42", " h "))
    assert refused.value.message.endswith("nothing was touched")
    assert "scripts/estate pulumi stack tag rm estate:lease --stack dev --cwd foundation" in refused.value.hint
    assert backend.kept_lease == str(OTHER)


@pytest.mark.parametrize("text", ["2 something of a later version", "x"])
def test_a_lease_that_cannot_be_read_is_one(text: str) -> None:
    with pytest.raises(Failed, match="another version"), held(Backend(text)):
        pass


def test_waiting_ends_when_the_lease_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.0)
    backend, said = Backend(str(OTHER)), list[str]()
    backend.others = [lambda: None, lambda: None, lambda: backend.put("")]
    with held(backend, wait=True, say=said.append):
        assert backend.kept_lease != str(OTHER)
    assert said == [f"waiting for {OTHER.text}"]


def test_what_a_killed_command_of_this_machine_left_is_taken_over() -> None:
    left, said = Backend(), list[str]()
    left.kept_lease = str(Lease.own("estate deploy"))
    with held(left, say=said.append) as still_ours:
        still_ours()
    assert len(said) == 1
    assert "it has ended" in said[0]


def test_a_copy_of_a_state_folder_is_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Lease.own("estate deploy").home
    assert Lease.own("estate destroy").home == here
    copy = tmp_path / "copy"
    (copy / "rollouts").mkdir(parents=True)
    (copy / "rollouts" / "identity").write_text((tmp_path / "rollouts" / "identity").read_text())
    monkeypatch.setenv("ESTATE_HOME", str(copy))
    assert Lease.own("estate deploy").home != here


def test_the_last_of_two_that_wrote_at_the_same_time_has_it() -> None:
    backend = Backend()
    with held(backend) as still_ours:
        backend.kept_lease = str(OTHER)
        with pytest.raises(Failed, match="taken by ann@laptop"):
            still_ours()
    assert backend.kept_lease == str(OTHER)


def test_before_anything_is_touched_it_is_read_again_when_all_have_written(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(lease, "_SETTLE_SECONDS", 5.0)
    monkeypatch.setattr(lease.time, "sleep", waited.append)
    with held(Backend()) as still_ours:
        still_ours()
    assert 4.0 < waited[0] <= 5.0


def rolled_out(backend: Any, lost_at: int) -> Any:
    """A rollout of which the lease is broken when it is asked for the n-th time."""
    asked = 0

    def still_ours() -> None:
        nonlocal asked
        asked += 1
        if asked == lost_at:
            raise Failed("lost")

    return orchestration.deploy(backend, LAYER_NAMES, Display(), still_ours=still_ours)


def test_a_rollout_that_lost_the_lease_touches_no_further_layer() -> None:
    backend = FakePulumi(deployed=LAYER_NAMES)
    first, *others = rolled_out(backend, 1).layers
    assert (first.result, first.error, {one.result for one in others}) == ("failed", "lost", {"skipped"})
    assert backend.calls == []
    backend = FakePulumi(deployed=LAYER_NAMES)
    assert rolled_out(backend, 2).failed
    assert {call for call, _ in backend.calls} == {"preview"}
    backend = FakePulumi(deployed=LAYER_NAMES)
    done = rolled_out(backend, 4)
    assert [name for call, name in backend.calls if call == "up"] == ["foundation", "data"]
    assert [one.result for one in done.layers] == ["deployed", "failed", "skipped", "skipped"]
    assert done.layers[1].created == 1


def test_a_teardown_that_lost_the_lease_touches_no_further_layer() -> None:
    backend: Any = FakePulumi(deployed=LAYER_NAMES)

    def still_ours() -> None:
        if ("destroy", "observability") in backend.calls:
            raise Failed("lost")

    done = orchestration.destroy(backend, LAYER_NAMES, Display(), still_ours=still_ours)
    assert [one.result for one in done.layers] == ["failed", "skipped", "skipped", "skipped"]


def test_a_new_environment_gets_its_first_stack_and_leaves_none_that_is_empty() -> None:
    backend = Backend(deployed=())
    with held(backend):
        assert backend.resources == {"foundation": 0}
    assert backend.resources == {}
    with held(backend):
        backend.resources["foundation"] = 7
    assert (backend.resources, backend.kept_lease) == ({"foundation": 7}, "")


def test_a_first_stack_that_another_one_has_just_made_is_theirs() -> None:
    class Late(Backend):
        def create_stack(self, layer: str) -> None:
            self.resources[layer] = 0
            self.kept_lease = str(OTHER)
            raise Failed("already exists")

    backend = Late(deployed=())
    with pytest.raises(Failed, match="taken by ann@laptop"), held(backend):
        pass
    assert backend.resources == {"foundation": 0}


def test_a_rollout_whose_first_stack_goes_has_lost_the_lease() -> None:
    backend = Backend(deployed=())
    with held(backend) as still_ours:
        del backend.resources["foundation"]
        with pytest.raises(Failed, match="broken"):
            still_ours()


def test_where_nothing_is_deployed_a_teardown_makes_no_stack() -> None:
    backend = Backend(deployed=())
    with held(backend, new=False) as still_ours:
        still_ours()
    assert backend.calls == []


def test_a_lease_that_cannot_be_removed_is_reported_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    backend, said = Backend(), list[str]()

    def unreachable() -> None:
        raise Failed("no network")

    monkeypatch.setattr(backend, "end_lease", unreachable)
    with held(backend, say=said.append):
        pass
    assert "no network" in said[0]
    assert "stack tag rm estate:lease" in said[0]


@pytest.mark.parametrize(
    ("local", "changes", "leased"), [(False, True, True), (False, False, False), (True, True, False)]
)
def test_only_what_changes_a_real_environment_takes_a_lease(
    local: bool, changes: bool, leased: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Backend()
    monkeypatch.setattr(session, "ready", lambda *_: contextlib.nullcontext(backend))
    target: Any = Estate(local=local)
    with lock.taken(target, "estate deploy", changes=changes, wait=False, say=print) as (pulumi, _):
        assert pulumi is backend
        assert bool(backend.kept_lease) is leased


def test_two_at_once_one_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both read that there is no lease before either has written."""
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
    monkeypatch.setattr(lease, "_identity", lambda: threading.current_thread().name)

    def run() -> None:
        with contextlib.suppress(Failed), held(backend) as still_ours:
            written.wait()
            still_ours()
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
