"""Recommendations written into files: sizes into compute/sizing.json, settings into an environment's file."""

from __future__ import annotations

import difflib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compute import sizing
from compute.sizing import MEASURED_KEYS, SIZING_FILE
from estate_tool.core.errors import Failed
from estate_tool.core.paths import ROOT
from foundation import yaml_text
from foundation.stack_files import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compute.sizing import CurrentSize


def apply_sizes(sizes: Mapping[str, tuple[int, Mapping[str, Any]]], path: Path = SIZING_FILE) -> str:
    """Write each function's memory in MB with its evidence; return the change as a unified diff, empty if none.

    Functions that are not named stay as they are. The file is replaced as a whole, after the compute layer's own check
    of it; raises InvalidConfiguration, with the file unchanged, when it does not pass.
    """
    functions = _as_written(path)
    for name, (memory_mb, evidence) in sizes.items():
        functions[name] = _changed(functions[name], memory_mb, evidence)
    return _write(path, functions)


def revert_sizes(names: Iterable[str], path: Path = SIZING_FILE) -> str:
    """Restore the previous memory and evidence of the functions that have any; return the change."""
    functions = _as_written(path)
    for name in names:
        if previous := functions[name].get("previous"):
            functions[name] = {key: previous[key] for key in ("memory_mb", "evidence")}
    return _write(path, functions)


def sizes_by_function(path: Path = SIZING_FILE) -> dict[str, CurrentSize]:
    """Return the entry of each function."""
    return sizing.read(path).functions


def _as_written(path: Path) -> dict[str, Any]:
    return {name: entry.model_dump(exclude_unset=True) for name, entry in sizes_by_function(path).items()}


def _changed(old: Mapping[str, Any], memory_mb: int, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the new entry; when the memory changes, the old entry becomes its `previous`."""
    if old["memory_mb"] == memory_mb:
        return {**old, "evidence": dict(evidence)}
    previous = {
        "memory_mb": old["memory_mb"], "evidence": old["evidence"],
        "measured": {key: evidence[key] for key in MEASURED_KEYS},
    }  # fmt: skip
    return {"memory_mb": memory_mb, "evidence": dict(evidence), "previous": previous}


def _write(path: Path, functions: dict[str, Any]) -> str:
    before, content = path.read_text(encoding="utf-8"), {"functions": functions}
    after = sizing.text_of(content)
    sizing.checked(content, path)
    if after != before:
        _replace(path, after)
    return _diff(path, before, after)


def _diff(path: Path, before: str, after: str) -> str:
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


def apply_settings(environment: str, values: Mapping[str, int], folder: Path = ROOT / FOLDER) -> str:
    """Set keys of the compute layer in the environment's file; return the change as a unified diff, empty if none.

    Raises Failed, with the file unchanged, when it is written in a way that can't be changed here.
    """
    path = folder / f"Pulumi.{environment}.yaml"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after, settings = before, {f"compute:{key}": str(value) for key, value in values.items()}
    for key, value in settings.items():
        after = _set(after, key, value)
    if _config(after) != {**(_config(before) or {}), **settings}:
        wanted = " ".join(f"{key}={value}" for key, value in settings.items())
        raise Failed(f"{path.name} is written in a way that can't be changed here", f"set these by hand: {wanted}")
    if after != before:
        path.write_text(after, encoding="utf-8")
    return _diff(path, before, after)


def _set(text: str, key: str, value: str) -> str:
    entry = re.compile(rf"""^(?P<indent>[ ]+)(["']?){re.escape(key)}\2[ ]*:.*$""", re.MULTILINE)
    if entry.search(text):
        return entry.sub(rf"\g<indent>{key}: {value}", text, count=1)
    top = re.compile(r"^config:[ ]*$", re.MULTILINE)
    if top.search(text):
        return top.sub(f"config:\n  {key}: {value}", text, count=1)
    return f"{text.rstrip()}\nconfig:\n  {key}: {value}\n".lstrip()


def _config(text: str) -> dict[str, Any] | None:
    """Return the configuration in a file as it is written; None where there is none that can be read."""
    try:
        content = yaml_text.read(text, "")
    except ValueError:
        return None
    config = content.get("config") if isinstance(content, dict) else None
    return config if isinstance(config, dict) else None
