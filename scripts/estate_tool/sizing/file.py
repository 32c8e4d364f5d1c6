"""Writes compute/sizing.json, the file that the compute layer takes the functions' memory from."""

from __future__ import annotations

import difflib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compute.sizing import SIZING_FILE, memory_by_function
from estate_tool.sizing.comparison import COMPARED
from foundation.catalog import CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a function had before its memory was last changed, which `--revert` goes back to, with how it ran then.
PREVIOUS = "previous"
MEASURED = "measured"
_ENTRY = ("memory_mb", "evidence")


def apply(sizes: Mapping[str, tuple[int, Mapping[str, Any]]], path: Path = SIZING_FILE) -> str:
    """Write each function's memory in MB with its evidence; returns the change as a unified diff, empty if none.

    Functions that are not named stay as they are. The file is replaced as a whole, after the compute layer's own check
    of it; raises InvalidConfiguration, with the file unchanged, when it does not pass.
    """
    before = path.read_text(encoding="utf-8")
    content = json.loads(before)
    for name, (memory_mb, evidence) in sizes.items():
        content["functions"][name] = _entry(content["functions"][name], memory_mb, evidence)
    return _write(path, before, content)


def revert(names: list[str], path: Path = SIZING_FILE) -> str:
    """Give functions their previous memory and evidence back; returns the change, without those that have none."""
    before = path.read_text(encoding="utf-8")
    content = json.loads(before)
    for name in names:
        previous = content["functions"][name].get(PREVIOUS)
        if previous:
            content["functions"][name] = {key: previous[key] for key in _ENTRY}
    return _write(path, before, content)


def entries(path: Path = SIZING_FILE) -> dict[str, Any]:
    """The entry of each function."""
    return dict(json.loads(path.read_text(encoding="utf-8"))["functions"])


def _entry(old: Mapping[str, Any], memory_mb: int, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The new entry; the old one goes along when the memory changes, what was before that does not."""
    if old["memory_mb"] == memory_mb:
        return {**old, "evidence": dict(evidence)}
    previous = {key: old[key] for key in _ENTRY}
    measured = {key: evidence[key] for key in COMPARED}
    return {"memory_mb": memory_mb, "evidence": dict(evidence), PREVIOUS: {**previous, MEASURED: measured}}


def _write(path: Path, before: str, content: dict[str, Any]) -> str:
    after = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
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
        memory_by_function((function.name for function in CATALOG.functions), new)
        new.chmod(path.stat().st_mode)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
