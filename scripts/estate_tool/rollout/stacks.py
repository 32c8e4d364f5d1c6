"""Stacks of layers, made and removed while the engine is at work on others."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future, ThreadPoolExecutor

    from estate_tool.engine.cli import Pulumi
    from estate_tool.rollout.recovery import Recovery


@dataclass(kw_only=True)
class Background:
    """One thread for calls that are made while the main thread waits for the engine, one after the other."""

    _pool: ThreadPoolExecutor | None = None

    def do(self, what: Callable[..., None], *arguments: Any) -> Future[None]:
        """Begin it."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(max_workers=1)
        return self._pool.submit(what, *arguments)

    def end(self) -> None:
        """Return when all is done."""
        if self._pool:
            self._pool.shutdown()


@dataclass(kw_only=True)
class NewStacks:
    """The stacks that this run makes of layers that have none."""

    pulumi: Pulumi
    recovery: Recovery | None
    background: Background
    _made: dict[str, Future[None]] = field(default_factory=dict)

    def begin(self, layer: str) -> None:
        """Have the stack of a layer made, unless that has begun."""
        if layer not in self._made:
            self._made[layer] = self.background.do(self._create, layer)

    def require(self, layer: str) -> None:
        """Return when the stack is there; raises Failed when it can't be made."""
        self.begin(layer)
        self._made[layer].result()

    def remove(self, layer: str) -> None:
        """Have a stack removed that was made here, in which there is nothing."""
        if made := self._made.pop(layer, None):
            self.background.do(self._remove, made, layer)

    def remove_all_but(self, kept: set[str]) -> None:
        """Have all removed but those of these layers."""
        for layer in self._made.keys() - kept:
            self.remove(layer)

    def _create(self, layer: str) -> None:
        if self.recovery:
            self.recovery.free(layer)
        self.pulumi.create_stack(layer)

    def _remove(self, made: Future[None], layer: str) -> None:
        with contextlib.suppress(Failed):
            made.result()
            self.pulumi.remove_stack(layer)
