"""The administrator's credentials: random for each home, in a file of AWS's format that only its owner can read."""

from __future__ import annotations

import contextlib
import os
import secrets
import string
import tempfile
from dataclasses import dataclass
from pathlib import Path

from estate_tool.core import paths
from estate_tool.core.errors import Failed

FILE = "credentials"
# Not AWS's own prefix: a reader of a log sees that it opens nothing but an embedded AWS.
_PREFIX = "LOCAL"
_CHARACTERS = string.ascii_uppercase + string.digits
_KEY = "aws_access_key_id"
_SECRET = "aws_secret_access_key"


@dataclass(frozen=True)
class Credentials:
    """An access key and its secret."""

    access_key_id: str
    secret_access_key: str


def read_or_create(home: Path) -> Credentials:
    """Return the credentials of this home, new ones where there are none yet."""
    while (found := read(home)) is None:
        paths.make_private_folder(home)
        _create(home)
    return found


def read(home: Path) -> Credentials | None:
    """Return the credentials of this home, None where there are none; `Failed` when the file can't be trusted."""
    path = home / FILE
    try:
        problem = paths.distrusted(path)
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    values = dict(line.replace(" ", "").split("=", 1) for line in text.splitlines() if "=" in line)
    if not problem and not (values.get(_KEY) and values.get(_SECRET)):
        problem = f"{path} holds no credentials"
    if problem:
        raise Failed(problem, f"delete {path} and start the embedded AWS anew: scripts/estate local down, then up")
    return Credentials(values[_KEY], values[_SECRET])


def _create(home: Path) -> None:
    """Write new ones; the first process wins, and half a file is never read."""
    key = _PREFIX + "".join(secrets.choice(_CHARACTERS) for _ in range(15))
    text = f"[default]\n{_KEY} = {key}\n{_SECRET} = {secrets.token_hex(20)}\n"
    handle, temporary = tempfile.mkstemp(prefix=f".{FILE}.", dir=home)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        with contextlib.suppress(FileExistsError):
            (home / FILE).hardlink_to(temporary)
    finally:
        Path(temporary).unlink()
