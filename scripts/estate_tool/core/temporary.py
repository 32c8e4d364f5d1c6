"""Temporary folders of the tool, named for their process: what a killed one left is removed by the next."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"estate-(\d+)-\w+")


@contextlib.contextmanager
def folder() -> Iterator[Path]:
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
