"""Folders and files that belong to one user: made so, and not trusted when they are not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from estate_tool.core.errors import Failed

_ONLY_MINE = 0o700
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def make_folder(folder: Path) -> None:
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
    """Tell why the content of a file can't be trusted; empty when only this user can have written it.

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
