"""Keys of the compute layer, written into an environment's file."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

import yaml

from estate_tool.core.errors import Failed
from estate_tool.core.paths import ROOT
from foundation.stack_files import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAMESPACE = "compute"


def apply(environment: str, values: Mapping[str, int], folder: Path = ROOT / FOLDER) -> str:
    """Set keys of the layer, everything else in the file stays; returns the change as a unified diff, empty if none.

    Raises Failed, with the file unchanged, when it is written in a way that this can't change.
    """
    path = folder / f"Pulumi.{environment}.yaml"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = before
    for key, value in values.items():
        after = _set(after, f"{_NAMESPACE}:{key}", value)
    if any(_value(after, f"{_NAMESPACE}:{key}") != str(value) for key, value in values.items()):
        wanted = " ".join(f"{_NAMESPACE}:{key}={value}" for key, value in values.items())
        raise Failed(f"{path.name} is written in a way that can't be changed here", f"set these by hand: {wanted}")
    if after != before:
        path.write_text(after, encoding="utf-8")
    name = f"{folder.name}/{path.name}"
    changed = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="")
    return "\n".join(changed)


def _set(text: str, key: str, value: int) -> str:
    entry = re.compile(rf"""^(?P<indent>[ ]+)(["']?){re.escape(key)}\2[ ]*:.*$""", re.MULTILINE)
    if entry.search(text):
        return entry.sub(rf"\g<indent>{key}: {value}", text, count=1)
    top = re.compile(r"^config:[ ]*$", re.MULTILINE)
    if top.search(text):
        return top.sub(f"config:\n  {key}: {value}", text, count=1)
    return f"{text.rstrip()}\nconfig:\n  {key}: {value}\n".lstrip()


def _value(text: str, key: str) -> str | None:
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    config = content.get("config") if isinstance(content, dict) else None
    return str(config.get(key)) if isinstance(config, dict) else None
