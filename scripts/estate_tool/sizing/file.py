"""compute/sizing.json: sizes are written with their evidence and the size before, or taken back."""

from __future__ import annotations

import difflib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compute import sizing
from compute.sizing import MEASURED_KEYS, SIZING_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compute.sizing import CurrentSize


def apply(sizes: Mapping[str, tuple[int, Mapping[str, Any]]], path: Path = SIZING_FILE) -> str:
    """Write each function's memory in MB with its evidence; return the change as a unified diff, empty if none.

    Functions that are not named stay as they are. The file is replaced as a whole, after the compute layer's own check
    of it; raises InvalidConfiguration, with the file unchanged, when it does not pass.
    """
    functions = _as_written(path)
    for name, (memory_mb, evidence) in sizes.items():
        functions[name] = _changed(functions[name], memory_mb, evidence)
    return _write(path, functions)


def revert(names: Iterable[str], path: Path = SIZING_FILE) -> str:
    """Give functions their previous memory and evidence back; return the change, without those that have none."""
    functions = _as_written(path)
    for name in names:
        if previous := functions[name].get("previous"):
            functions[name] = {key: previous[key] for key in ("memory_mb", "evidence")}
    return _write(path, functions)


def entries(path: Path = SIZING_FILE) -> dict[str, CurrentSize]:
    """Return the entry of each function."""
    return sizing.read(path).functions


def _as_written(path: Path) -> dict[str, Any]:
    return {name: entry.model_dump(exclude_unset=True) for name, entry in entries(path).items()}


def _changed(old: Mapping[str, Any], memory_mb: int, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the new entry; the old one goes along when the memory changes, what was before that does not."""
    if old["memory_mb"] == memory_mb:
        return {**old, "evidence": dict(evidence)}
    previous = {
        "memory_mb": old["memory_mb"], "evidence": old["evidence"],
        "measured": {key: evidence[key] for key in MEASURED_KEYS},
    }  # fmt: skip
    return {"memory_mb": memory_mb, "evidence": dict(evidence), "previous": previous}


def _write(path: Path, functions: dict[str, Any]) -> str:
    before, content = path.read_text(encoding="utf-8"), {"functions": functions}
    after = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    sizing.checked(content, path)
    if after != before:
        _replace(path, after)
    name = f"{path.parent.name}/{path.name}"
    changed = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="")
    return "\n".join(changed)


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    new = Path(temporary)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        new.chmod(path.stat().st_mode)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
