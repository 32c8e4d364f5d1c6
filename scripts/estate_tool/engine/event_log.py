"""The engine's event log, read while it is written."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_POLL_SECONDS = 0.05


class EventReader(threading.Thread):
    """Follows an event log, one JSON object per line, until `finish` is called."""

    def __init__(self, path: Path, on_event: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__(daemon=True)
        self._path = path
        self._on_event = on_event
        self._written = threading.Event()

    def run(self) -> None:
        """Hands every event on; the thread's own loop."""
        rest = ""
        with self._path.open(encoding="utf-8") as log:
            while True:
                complete = self._written.is_set()
                *lines, rest = (rest + log.read()).split("\n")
                for line in lines:
                    self._on_event(json.loads(line))
                if complete:
                    return
                self._written.wait(_POLL_SECONDS)

    def finish(self) -> None:
        """Reads what is left; the engine must have ended."""
        self._written.set()
        self.join()
