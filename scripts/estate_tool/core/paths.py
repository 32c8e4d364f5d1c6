"""Paths in the checkout, in its local state (ESTATE_HOME) and in the user's cache (ESTATE_CACHE).

Temporary folders are named for their process: the next process removes those that a killed one left. Private ones are
their user's alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed, UsageError
from foundation.cache_folder import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"
VENV = ROOT / ".venv"
_ONLY_MINE = 0o700
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_NAME = re.compile(r"estate-(\d+)-\w+")


def home() -> Path:
    """Return the folder of this checkout's local state: ESTATE_HOME, else `.estate` in the checkout."""
    named = os.environ.get("ESTATE_HOME")
    return Path(named).expanduser().absolute() if named else ROOT / ".estate"


def cache() -> Path:
    """Return the folder of costly files that checkouts share; raise UsageError where there can be none."""
    try:
        return cache_folder()
    except RuntimeError as error:
        raise UsageError(
            "there is no home folder to keep the cache in", "set ESTATE_CACHE to a folder of yours"
        ) from error


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for the block."""
    _remove_left_over(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"estate-{os.getpid()}-") as made:
        yield Path(made)


def _remove_left_over(parent: Path) -> None:
    for path in parent.glob("estate-*-*"):
        named = _NAME.fullmatch(path.name)
        with contextlib.suppress(OSError):
            if named and path.lstat().st_uid == os.geteuid() and not _runs(int(named[1])):
                shutil.rmtree(path, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def make_private_folder(folder: Path) -> None:
    """Make the folder, or take it back from everybody else; `Failed` when it is another user's."""
    folder.mkdir(mode=_ONLY_MINE, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise Failed(
            f"{folder} belongs to another user (uid {found.st_uid})",
            "set ESTATE_HOME to a folder of yours; as another user you can have an embedded AWS of your own",
        )
    if stat.S_IMODE(found.st_mode) & ~_ONLY_MINE:
        folder.chmod(_ONLY_MINE)


def distrusted(path: Path) -> str:
    """Return the reason for not trusting a file's content; empty when this user alone can have written it.

    Raises FileNotFoundError when there is none.
    """
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is not a regular file"
    if found.st_uid != os.geteuid():
        return f"{path} belongs to another user (uid {found.st_uid})"
    if found.st_mode & _OTHERS_WRITE:
        return f"{path} can be written by others (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""


def require_empty(folder: Path) -> None:
    """Raise UsageError unless the folder is empty, or not there yet."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists() or folder.is_symlink():
        what = "is not empty" if folder.is_dir() else "is no folder"
        raise UsageError(f"{folder} {what}; nothing was written", "name a new folder, or an empty one, with --out")
