"""Record of the last comparison with AWS that was made on this machine, for `estate status`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from estate_tool.core.paths import home
from estate_tool.core.text import utc_time
from estate_tool.drift.detect import unexpected

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from estate_tool.drift.detect import Drift


def keep(environment: str, layers: Sequence[str], drifted: Sequence[Drift]) -> None:
    """Keep the time, the layers and the numbers of a comparison."""
    path = _file(environment)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = {
        "seen": utc_time(time.time()), "layers": list(layers), "differences": len(drifted),
        "unexpected": len(unexpected(drifted)),
    }  # fmt: skip
    path.write_text(json.dumps(found), encoding="utf-8")


def last(environment: str) -> dict[str, Any] | None:
    """Return the last comparison; None where none was made on this machine."""
    try:
        found = json.loads(_file(environment).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _file(environment: str) -> Path:
    return home() / "drift" / f"{environment}.json"
