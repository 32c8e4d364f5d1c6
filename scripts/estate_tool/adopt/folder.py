"""Folder of files for review: written whole and checked as the layers and commands check them, or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compute.sizing import memory_by_function
from estate_tool.core.errors import Failed, UsageError
from estate_tool.costing import statement
from foundation.problems import InvalidConfiguration
from foundation.validation import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

CATALOG, SIZING, LOAD, NOTES = "catalog.py", "sizing.json", "load.yaml", "not-expressed.md"


def write(folder: Path, files: Mapping[str, str | bytes]) -> list[str]:
    """Write the files by relative path, once they have passed the checks of those who will read them; return the paths.

    Raises Failed where they do not pass, and OSError; the folder is as it was then.
    """
    parent = folder.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{folder.name}-") as temporary:
        new = Path(temporary) / folder.name
        for path, content in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_bytes(content.encode() if isinstance(content, str) else content)
        _check(new)
        if folder.is_dir():
            folder.rmdir()
        shutil.move(new, folder)
    return sorted(files)


def _check(folder: Path) -> None:
    """Raise Failed if a file is refused by the one who would read it: foundation, compute or `estate cost`."""
    module: dict[str, Any] = {"__name__": "adopted"}
    try:
        exec(compile((folder / CATALOG).read_text(encoding="utf-8"), CATALOG, "exec"), module)
        validate(module["CATALOG"])
        memory_by_function((function.name for function in module["CATALOG"].functions), folder / SIZING)
        statement.read(folder / LOAD)
    except (InvalidConfiguration, UsageError) as error:
        raise Failed(
            f"what these functions would be declared as is not valid, so nothing was written:\n{error}",
            "choose other names with --name OLD=NEW, or leave out the function that it names",
        ) from error


def sizing_text(content: Mapping[str, Any]) -> str:
    """Return sizing.json as `rightsize --apply` writes it."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
