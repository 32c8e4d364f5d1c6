"""Cache folder that checkouts share: engine, environments, packages. Imports the standard library only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return ESTATE_CACHE, else `estate` in the user's cache; raise RuntimeError without a home folder."""
    if named := environ.get("ESTATE_CACHE"):
        return Path(named).expanduser().absolute()
    # The XDG base directory specification: a relative path there is to be ignored.
    xdg = Path(environ.get("XDG_CACHE_HOME") or ".")
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "estate"
