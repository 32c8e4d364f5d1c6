"""ministack's application behind the gateway, with Application Auto Scaling, its state kept on disk."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from estate_tool.core.embedded import credentials, ports, record
from local_aws.server import snapshot
from local_aws.server.gateway import Gateway, Receive, Scope, Send
from local_aws.server.patches import alarm_clock, authentication, mappings, target
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


class Application:
    """ministack's application with a gateway in front, its state saved after changes and before the end."""

    def __init__(self, folder: Path, lock: int, end: Callable[[str], None]) -> None:
        """`lock` is kept by a snapshot under way; `end` ends the process at once, with the reason for it."""
        self._folder = folder
        self._end_process = end
        self._administrator = credentials.read_or_create(folder.parent)
        authentication.name_administrator(self._administrator)
        kinds = (target.responses.AccountScopedDict, target.responses.AccountRegionScopedDict)
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
            module = target.app._get_module(target.app._state_map[key])
            module.load_persisted_state(state)

    async def serve(self, port: int) -> None:
        """Answer requests until a signal to stop."""
        loop = asyncio.get_running_loop()
        target.bind(loop, self._keeper.touch)
        mappings.start()
        alarm_clock.start()
        target.app._dispatch_service_request = self._dispatching(target.app._dispatch_service_request)
        saving = asyncio.create_task(self._keeper.run())
        saving.add_done_callback(self._end_without_keeper)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._end)
        config = Config()
        config.bind = [f"{ports.HOST}:{port}"]
        config.keep_alive_timeout = 75
        config.loglevel = "WARNING"
        gateway = Gateway(
            self._application, self._administrator,
            secret_of=authentication.secret_of, refusal=authentication.refusal, status=self._status,
        )  # fmt: skip
        await serve(gateway, config, shutdown_trigger=asyncio.Event().wait)

    def _collect(self) -> snapshot.State:
        states: snapshot.State = {_IDENTITY: self._identity, _SCALING: self._scaling.state()}
        for key, get_state in target.app._build_persistence_save_dict().items():
            state = get_state()
            if state is not None:
                states[key] = state
        return states

    def _end_without_keeper(self, task: asyncio.Task[None]) -> None:
        """End the process when saving the state fails for good."""
        if not task.cancelled() and (error := task.exception()):
            self._end_process(f"the keeper of its state failed: {error!r}")

    def _end(self) -> None:
        """Save, then leave at once: a client that is still connected would be cut off anyway."""
        threading.Timer(_LONGEST_END, self._end_process, (record.UNSAVED,)).start()
        self._keeper.save_now()
        self._end_process(record.UNSAVED if self._keeper.error else "")

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        await target.app.app(_as_over_tls(scope), receive, send)
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
            "tables": target.dynamodb._tables, "queues": target.sqs._queues, "functions": target.lambda_svc._functions,
            "roles": target.iam._roles, "log groups": target.cloudwatch_logs._log_groups,
            "alarms": target.cloudwatch._alarms, "topics": target.sns._topics,
        }  # fmt: skip
        return {name: len(store._data) for name, store in stores.items()}

    def _dispatching(self, inner: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return ministack's dispatch with Application Auto Scaling, which it lacks; save the state after changes."""

        async def dispatch(method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> Any:
            if headers.get("x-amz-target", "").startswith(TARGET):
                answer: Any = self._scaling.answer(target.get_region(), headers, body)
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
