"""Application Auto Scaling, which ministack lacks: moto's, in the emulator's process, loaded with the first call."""

from __future__ import annotations

import sys
from collections import defaultdict
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_aws.server.autoscaling import Store

TARGET = "AnyScaleFrontendService."
"""Begins the header X-Amz-Target of all of its operations."""


class Scaling:
    """The service: its requests, and its state for the snapshot. On the event loop's thread only."""

    def __init__(self) -> None:
        self._state: dict[str, Any] = {}
        self._store: Store | None = None
        self._client: Any = None

    def restore(self, state: dict[str, Any]) -> None:
        """Start from what `state` returned."""
        self._state = state
        if self._store:
            self._store.restore(state)

    def state(self) -> dict[str, Any]:
        """Return all that exists."""
        return self._store.state() if self._store else self._state

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Serve one POST."""
        client = self._client or self._load()
        given = {name: value for name, value in headers.items() if name not in ("content-length", "transfer-encoding")}
        found = client.post(path, data=body, headers=given)
        return found.status_code, dict(found.headers.items()), found.data

    def _load(self) -> Any:
        _leave_out_ecs()
        from moto.moto_server.werkzeug_app import create_backend_app
        from werkzeug.test import Client

        from local_aws.server import autoscaling

        self._store = autoscaling.Store()
        autoscaling.correct(self._store)
        self._store.restore(self._state)
        self._client = Client(create_backend_app("applicationautoscaling"))
        return self._client


def _leave_out_ecs() -> None:
    """Keep moto from asking ECS about its services, of which the estate has none; the import takes a second."""
    ecs = ModuleType("moto.ecs")
    ecs.ecs_backends = defaultdict(lambda: defaultdict(object))  # type: ignore[attr-defined]
    sys.modules["moto.ecs"] = ecs
