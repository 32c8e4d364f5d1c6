"""ministack's modules, untyped, as the corrections reach into them. Only the emulator's own environment has them."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ParamSpec, TypeVar


def _module(name: str) -> Any:
    return import_module(f"ministack.{name}")


app = _module("app")
arn = _module("core.arn")
concurrency = _module("core.concurrency")
iam_actions = _module("core.iam_actions")
iam_evaluator = _module("core.iam_evaluator")
lambda_runtime = _module("core.lambda_runtime")
responses = _module("core.responses")

cloudwatch = _module("services.cloudwatch")
cloudwatch_logs = _module("services.cloudwatch_logs")
dynamodb = _module("services.dynamodb")
eventbridge = _module("services.eventbridge")
iam = _module("services.iam")
lambda_svc = _module("services.lambda_svc")
scheduler = _module("services.scheduler")
sns = _module("services.sns")
sqs = _module("services.sqs")
sts = _module("services.sts")
tagging = _module("services.tagging")

get_account_id: Callable[[], str] = responses.get_account_id
get_region: Callable[[], str] = responses.get_region
new_uuid: Callable[[], str] = responses.new_uuid
request_scope: Callable[[str, str], AbstractContextManager[None]] = responses.request_scope
"""Account and region for the block."""


def persist(module: Any, **stores: Any) -> None:
    """Save, load and clear the stores together with the module's state."""
    get_state, load, reset = module.get_state, module.load_persisted_state, module.reset

    def load_all(data: dict[str, Any]) -> None:
        load(data)
        for name, store in stores.items():
            store.update(data.get(name, {}))

    def reset_all() -> None:
        reset()
        for store in stores.values():
            store.clear()

    module.get_state = lambda: get_state() | stores
    module.load_persisted_state, module.reset = load_all, reset_all


# --- event loop ------------------------------------------------------------------------------------------------------

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class _Bound:
    loop: asyncio.AbstractEventLoop | None = None
    thread: int = 0
    changed: Callable[[], object] = int


_bound = _Bound()


def bind(loop: asyncio.AbstractEventLoop, changed: Callable[[], None]) -> None:
    """Name the running loop, from its own thread, and the callback for changes."""
    _bound.loop, _bound.thread, _bound.changed = loop, threading.get_ident(), changed


def on_loop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function, which changes something, on the loop's thread and wait for what it returns.

    It sees the account and the region of the caller.
    """
    return quietly(_changing(function), *args, **kwargs)


def quietly(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `on_loop`, for a function that calls `changed` itself when it changed something."""
    if _bound.loop is None or threading.get_ident() == _bound.thread:
        return function(*args, **kwargs)
    context = contextvars.copy_context()
    done: Future[T] = Future()

    def call() -> None:
        try:
            done.set_result(context.run(function, *args, **kwargs))
        except BaseException as error:  # belongs to the caller
            done.set_exception(error)

    _bound.loop.call_soon_threadsafe(call)
    return done.result()


def changed() -> None:
    """There is something new to save. From the loop's thread."""
    _bound.changed()


def _changing(function: Callable[P, T]) -> Callable[P, T]:
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        result = function(*args, **kwargs)
        changed()
        return result

    return call


def always_on_loop(function: Callable[P, T]) -> Callable[P, T]:
    """The function, wherever it is called from, run by `on_loop`."""
    return functools.wraps(function)(functools.partial(on_loop, function))
