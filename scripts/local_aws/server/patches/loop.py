"""Everything that changes ministack's state happens on its event loop's thread.

Requests do already. ministack's own background threads (pollers, invocations) change queues and logs beside them, which
loses messages: DeleteMessage replaces a queue's list while a thread fills the old one. What the corrections do in
threads therefore goes through `on_loop`; and a snapshot, taken on that thread, never sees half a change.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

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
