"""Paths in the checkout, in its local state (ESTATE_HOME) and in the user's cache (ESTATE_CACHE)."""

from __future__ import annotations

import os
from pathlib import Path

from estate_tool.core.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"
VENV = ROOT / ".venv"


def home() -> Path:
    """The folder of this checkout's local state: ESTATE_HOME, else `.estate` in the checkout."""
    return _absolute(os.environ.get("ESTATE_HOME"), ROOT / ".estate")


def cache() -> Path:
    """The folder of what is costly and shared between checkouts: ESTATE_CACHE, else `estate` in the user's cache."""
    named = os.environ.get("ESTATE_CACHE")
    if named:
        return _absolute(named, ROOT)
    # The XDG base directory specification: a relative path there is to be ignored.
    xdg = Path(os.environ.get("XDG_CACHE_HOME") or ".")
    return (xdg if xdg.is_absolute() else _user_home() / ".cache") / "estate"


def _absolute(named: str | None, default: Path) -> Path:
    return Path(named).expanduser().absolute() if named else default


def _user_home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise UsageError(
            "there is no home folder to keep the cache in", "set ESTATE_CACHE to a folder of yours"
        ) from error
