from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from estate_tool.core import embedded
from estate_tool.core.embedded import ports, record
from estate_tool.core.embedded.record import start_identity
from estate_tool.core.errors import Failed
from local_aws import server
from local_aws.server import control


@pytest.fixture
def local(tmp_path: Path) -> embedded.LocalAwsPaths:
    return embedded.LocalAwsPaths(tmp_path / "home", ports.free_port())


def no_python() -> Path:
    raise AssertionError("nothing may be started")


def own_record(port: int) -> record.Record:
    """The record of an emulator that runs, which this process plays."""
    identity = start_identity(os.getpid())
    assert identity
    return record.Record(pid=os.getpid(), identity=identity, port=port, started=1.0)


def test_before_the_first_start_nothing_runs_and_nothing_is_made(local: embedded.LocalAwsPaths) -> None:
    found = embedded.status(local)

    assert (found.running, found.problem, found.port) == (False, "", local.port)
    assert server.down(local, print) is False
    assert not local.home.exists()


def test_an_emulator_on_another_port_neither_answers_nor_is_started_again(local: embedded.LocalAwsPaths) -> None:
    local.folder.mkdir(parents=True)
    record.write(local.folder, own_record(local.port + 7))

    found = embedded.status(local)
    with pytest.raises(Failed) as caught:
        server.up(local, print, no_python)

    assert (found.running, found.answering) == (True, False)
    assert f"port {local.port + 7}" in found.problem
    assert f"port {local.port + 7}, and ESTATE_PORT is {local.port}" in caught.value.message
    assert "local down" in caught.value.hint


def test_an_emulator_that_does_not_answer_is_reported_with_its_logs(
    local: embedded.LocalAwsPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wait in ("LONGEST_START", "LONGEST_END"):
        monkeypatch.setattr(control, wait, 0.2)
    local.folder.mkdir(parents=True)
    record.write(local.folder, own_record(local.port))

    with pytest.raises(Failed) as caught:
        server.up(local, print, no_python)

    assert f"port {local.port} does not answer" in caught.value.message
    assert str(local.folder) in caught.value.hint


@pytest.mark.parametrize(
    ("home", "message", "hint"),
    [
        (
            None,
            "port {port} on 127.0.0.1, which the embedded AWS needs, is taken by .*\\(PID {pid}\\)",
            "export ESTATE_PORT=",
        ),
        ("/other", "port {port} belongs to the embedded AWS of another checkout, which lives in /other", "local down"),
        ("{home}", "port {port} is held by an embedded AWS of this checkout, whose record is gone", "end it: kill 77"),
    ],
)
def test_a_taken_port_is_reported_with_its_owner_and_a_fix(
    local: embedded.LocalAwsPaths, home: str | None, message: str, hint: str
) -> None:
    def answer() -> None:
        with server_socket.accept()[0] as connection:
            connection.recv(65536)
            status = {"home": home.format(home=local.home), "pid": 77} if home else []
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(status).encode())

    with socket.create_server((ports.HOST, local.port)) as server_socket:
        threading.Thread(target=answer).start()
        with pytest.raises(Failed, match=message.format(port=local.port, pid=os.getpid())) as caught:
            server.up(local, print, lambda: Path("/no/python"))

    assert hint in caught.value.hint


def test_a_stale_record_does_not_hit_the_process_that_has_its_number_now(local: embedded.LocalAwsPaths) -> None:
    local.folder.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        record.write(local.folder, record.Record(pid=stranger.pid, identity="another boot/1", port=1, started=0.0))

        found = embedded.status(local)
        assert not found.running
        assert "killed, or the machine was restarted" in found.problem
        assert server.down(local, print) is False
        assert stranger.poll() is None
        stranger.kill()


def test_a_folder_that_cannot_be_made_is_reported_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    local = embedded.LocalAwsPaths(tmp_path / "file" / "home", ports.free_port())

    with pytest.raises(Failed) as caught:
        server.up(local, print, no_python)

    assert str(tmp_path / "file") in caught.value.message
    assert "ESTATE_HOME" in caught.value.hint


def test_a_full_disk_is_reported_before_anything_is_started(
    local: embedded.LocalAwsPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(Failed) as caught:
        server.up(local, print, lambda: Path("/no/python"))

    assert "No space left" in caught.value.message
    assert "free some space" in caught.value.hint


def test_a_process_that_ends_at_once_is_reported_with_its_output(local: embedded.LocalAwsPaths, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'this Python is broken' >&2\nexit 1\n")
    python.chmod(0o755)

    with pytest.raises(Failed) as caught:
        server.up(local, print, lambda: python)

    assert "ended silently" in caught.value.message
    assert "this Python is broken" in caught.value.message


def test_a_start_waits_for_an_emulator_that_still_saves(
    local: embedded.LocalAwsPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.folder.mkdir(parents=True)
    saving = (local.folder / "emulator.lock").open("a")
    fcntl.flock(saving, fcntl.LOCK_EX)
    launched: list[bool] = []

    def launch(_local: embedded.LocalAwsPaths, _python: Path) -> str:
        launched.append(saving.closed)
        return "ready"

    monkeypatch.setattr(control, "_launch", launch)
    starting = threading.Thread(target=server.up, args=(local, print, lambda: Path("/no/python")))
    starting.start()
    starting.join(0.5)
    assert starting.is_alive()
    assert launched == []
    saving.close()
    starting.join(20)

    assert launched == [True]


def test_logs_are_turned_over_when_they_are_large(
    local: embedded.LocalAwsPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_LOG_LIMIT", 10)
    local.folder.mkdir(parents=True)
    (local.folder / "emulator.log").write_text("much too long a log")

    with pytest.raises(Failed, match="its Python /no/python can't be started: No such file"):
        server.up(local, print, lambda: Path("/no/python"))

    assert (local.folder / "emulator.log.1").read_text() == "much too long a log"


def test_a_reset_deletes_the_state_of_aws_and_of_pulumi_and_nothing_else(local: embedded.LocalAwsPaths) -> None:
    for name in ("aws/state.json", "state/stack.json", "pulumi/plugins"):
        path = local.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    server.reset(local, print)

    assert not (local.home / "aws").exists()
    assert not (local.home / "state").exists()
    assert (local.home / "pulumi" / "plugins").exists()
