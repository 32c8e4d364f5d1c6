"""The emulator's process: ministack with our corrections, its state kept on disk.

Runs in ministack's own environment, in a session of its own, started by `control` with the variables that it sets.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import sys
import threading
import time
import traceback
import uuid
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from estate_tool.core.embedded import credentials, ports, record
from estate_tool.core.embedded.record import start_identity
from estate_tool.core.errors import EstateError
from local_aws.server import snapshot
from local_aws.server.control import LONGEST_START
from local_aws.server.gateway import Application, Gateway, Receive, Scope, Send
from local_aws.server.scaling import TARGET, Scaling

SAVED_STATE = "state.json"
# Kept among the services' states: the identity of this AWS, new after each reset.
_IDENTITY = "estate:identity"
_SCALING = "estate:autoscaling"
_RESET_PATH = "/_ministack/reset"
# A fork does not get far when the memory is short or the disk hangs; then the state of the last snapshot stands.
_LONGEST_END = 30.0

_READ_ONLY = (
    "Describe", "Get", "List", "Query", "Scan", "BatchGet", "TransactGet", "Head", "Filter", "Search", "Simulate",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Serve until a signal to stop; arguments are the folder, the port and a descriptor for the answer to `control`."""
    folder, port, ready = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    process = Process(folder, port, ready)
    try:
        _serve(folder, port, process)
    except (snapshot.Unreadable, EstateError) as error:
        process.end(f"The saved state can't be used: {error}")
    except BaseException as error:
        traceback.print_exc()
        process.end(f"it failed: {error!r}")
    return 0


def _serve(folder: Path, port: int, process: Process) -> None:
    # Python warns of forks in programs with threads; the child of `snapshot` uses none.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork")
    os.environ.pop("PYTHONPATH", None)  # Lambda workers inherit the environment and must not see the estate's tool
    logging.getLogger("hypercorn.access").disabled = True
    # Held until this process and its last snapshot are done; two emulators on one state would destroy it.
    lock = (folder / "emulator.lock").open("a")
    fcntl.flock(lock, fcntl.LOCK_EX)
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    (folder / "tmp").mkdir()
    ministack = import_module("ministack.app")
    import_module("local_aws.server.patches").apply()
    server = Emulator(ministack, folder, lock.fileno(), process)
    server.restore()
    asyncio.run(server.serve(port))


class Process:
    """Record of this process, its answer to the command that started it, and its end."""

    def __init__(self, folder: Path, port: int, ready: int) -> None:
        os.umask(0o077)
        os.set_inheritable(ready, False)
        self.port = port
        self._folder, self._ready = folder, ready
        self._record = record.Record(
            pid=os.getpid(), identity=start_identity(os.getpid()) or "", port=port, started=time.time()
        )
        record.write(folder, self._record)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self.end())

    def answer_when_ready(self) -> None:
        """Report to the command that started this process as soon as the port answers."""
        deadline = time.monotonic() + LONGEST_START
        while (ports.ask(self.port) or {}).get("pid") != os.getpid():
            if time.monotonic() > deadline:
                self.end(f"it did not answer on port {self.port} within {LONGEST_START:.0f} s")
            time.sleep(0.03)
        self._report("ready")
        os.close(self._ready)
        self._ready = -1

    def _report(self, message: str) -> None:
        with contextlib.suppress(OSError):  # the command may be gone; after the start there is no descriptor
            os.write(self._ready, message.encode())

    def end(self, reason: str = "") -> None:
        """Kill the process group at once, processes of functions included; record `reason`, why it ended by itself.

        Without one the record goes: a full disk, on which no reason can be left, can't keep it from staying.
        """
        with contextlib.suppress(OSError):
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} ended: {reason or 'stopped'}", flush=True)
        with contextlib.suppress(OSError):
            if reason:
                record.write(self._folder, replace(self._record, ended=reason))
            else:
                record.remove(self._folder)
        self._report(reason or "stopped while it was starting")
        os.killpg(os.getpgrp(), signal.SIGKILL)


class Emulator:
    """ministack's application with a gateway in front, its state saved after changes and before the end."""

    def __init__(self, ministack: Any, folder: Path, lock: int, process: Process) -> None:
        self._ministack = ministack
        self._process = process
        self._folder = folder
        self._administrator = credentials.read_or_create(folder.parent)
        import_module("local_aws.server.patches.authentication").name_administrator(self._administrator)
        responses = import_module("ministack.core.responses")
        kinds = (responses.AccountScopedDict, responses.AccountRegionScopedDict)
        self._scoped = {kind.__name__: kind for kind in kinds}
        self._scaling = Scaling()
        self._identity = uuid.uuid4().hex
        self._keeper = snapshot.Keeper(folder / SAVED_STATE, self._collect, lock, self._scoped)

    def restore(self) -> None:
        """Load the saved state into the services; delete files that a killed process left unfinished."""
        for unfinished in (self._folder / "files").rglob("*.tmp"):
            unfinished.unlink(missing_ok=True)
        states = snapshot.load(self._folder / SAVED_STATE, self._scoped)
        self._identity = states.pop(_IDENTITY, self._identity)
        self._scaling.restore(states.pop(_SCALING, {}))
        for key, state in states.items():
            module = self._ministack._get_module(self._ministack._state_map[key])
            module.load_persisted_state(state)

    async def serve(self, port: int) -> None:
        """Answer requests until a signal to stop."""
        serve = import_module("hypercorn.asyncio").serve
        config = import_module("hypercorn.config").Config()
        from local_aws.server.patches import alarm_clock, mappings, target

        loop = asyncio.get_running_loop()
        target.bind(loop, self._keeper.touch)
        mappings.start()
        alarm_clock.start()
        self._ministack._dispatch_service_request = self._dispatching(self._ministack._dispatch_service_request)
        saving = asyncio.create_task(self._keeper.run())
        saving.add_done_callback(self._end_without_keeper)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._end)
        threading.Thread(target=self._process.answer_when_ready, daemon=True, name="ready").start()
        config.bind = [f"{ports.HOST}:{port}"]
        config.keep_alive_timeout = 75
        config.loglevel = "WARNING"
        await serve(self._gateway(), config, shutdown_trigger=asyncio.Event().wait)

    def _gateway(self) -> Application:
        authentication = import_module("local_aws.server.patches.authentication")
        return Gateway(
            self._application, self._administrator,
            secret_of=authentication.secret_of, refusal=authentication.refusal, status=self._status,
        )  # fmt: skip

    def _collect(self) -> snapshot.State:
        states: snapshot.State = {_IDENTITY: self._identity, _SCALING: self._scaling.state()}
        for key, get_state in self._ministack._build_persistence_save_dict().items():
            state = get_state()
            if state is not None:
                states[key] = state
        return states

    def _end_without_keeper(self, task: asyncio.Task[None]) -> None:
        """End the process when saving the state fails for good."""
        if not task.cancelled() and (error := task.exception()):
            self._process.end(f"the keeper of its state failed: {error!r}")

    def _end(self) -> None:
        """Save, then leave at once: a client that is still connected would be cut off anyway."""
        threading.Timer(_LONGEST_END, self._process.end, (record.UNSAVED,)).start()
        self._keeper.save_now()
        self._process.end(record.UNSAVED if self._keeper.error else "")

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._ministack.app(_as_over_tls(scope), receive, send)
        if scope["type"] == "http" and scope["path"] == _RESET_PATH:
            self._identity = uuid.uuid4().hex
            self._scaling.restore({})
            self._keeper.touch()

    def _status(self, to_administrator: bool) -> dict[str, Any]:
        """Return the owner for every caller, the content too for the administrator."""
        status: dict[str, Any] = {"home": str(self._folder.parent), "pid": os.getpid()}
        return status | (self._details() if to_administrator else {})

    def _details(self) -> dict[str, Any]:
        return {
            "identity": self._identity,
            "saved_at": self._keeper.saved_at,
            "save_error": self._keeper.error,
            "resources": self._count(),
        }

    @staticmethod
    def _count() -> dict[str, int]:
        stores = {
            "tables": ("dynamodb", "_tables"), "queues": ("sqs", "_queues"), "functions": ("lambda_svc", "_functions"),
            "roles": ("iam", "_roles"), "log groups": ("cloudwatch_logs", "_log_groups"),
            "alarms": ("cloudwatch", "_alarms"), "topics": ("sns", "_topics"),
        }  # fmt: skip
        counts = {}
        for name, (module, store) in stores.items():
            loaded = sys.modules.get(f"ministack.services.{module}")
            counts[name] = len(getattr(loaded, store)._data) if loaded else 0
        return counts

    def _dispatching(self, inner: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return ministack's dispatch with Application Auto Scaling, which it lacks; save the state after changes."""
        get_region = import_module("ministack.core.responses").get_region

        async def dispatch(method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> Any:
            if headers.get("x-amz-target", "").startswith(TARGET):
                answer: Any = self._scaling.answer(get_region(), headers, body)
            else:
                answer = await inner(method, path, headers, body, *rest)
            if not _reads_only(method, headers, body):
                self._keeper.touch()
            return answer

        return dispatch


def _as_over_tls(scope: Scope) -> Scope:
    """Return the request as policies see it: on loopback it counts as TLS unless a header denies it."""
    if scope["type"] != "http" or any(name == b"x-forwarded-proto" for name, _ in scope["headers"]):
        return scope
    return scope | {"headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}


def _reads_only(method: str, headers: dict[str, str], body: bytes) -> bool:
    """True if the operation's name proves that the request changed nothing."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if not operation and body[:7] == b"Action=":
        operation = body[7:60].decode("latin-1").partition("&")[0]
    return operation.startswith(_READ_ONLY) if operation else method in ("GET", "HEAD", "OPTIONS")
