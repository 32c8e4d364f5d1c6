"""Modules inside deployed packages, by their content."""

from __future__ import annotations

import hashlib
import io
import urllib.request
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from estate_tool.audit.model import Function
    from estate_tool.audit.reader import Reader

# Smaller ones, such as an empty `__init__.py`, are alike everywhere.
_SMALLEST_BYTES = 200
_CODE = (".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".jar", ".class", ".so", ".dll")
_SECONDS = 60


def modules(reader: Reader, function: Function) -> dict[str, str]:
    """Return path → SHA-256 of each code file of a function's package; empty for a container image."""
    return {
        path: hashlib.sha256(content).hexdigest()
        for path, content in own(files(reader, function)).items()
        if path.endswith(_CODE) and len(content) >= _SMALLEST_BYTES
    }


def files(reader: Reader, function: Function) -> dict[str, bytes]:
    """Return path → content of each file of a function's package; empty for a container image."""
    code = reader.client("lambda").get_function(FunctionName=function.name).get("Code") or {}
    if code.get("RepositoryType") != "S3" and not code.get("Location"):
        return {}
    with urllib.request.urlopen(code["Location"], timeout=_SECONDS) as answer:
        content = answer.read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}


def own(found: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files that no third-party package has brought along."""
    foreign = {path for path in found if "node_modules/" in path or ".dist-info/" in path}
    for path, content in found.items():
        if path.endswith(".dist-info/RECORD"):
            folder = path.rpartition("/")[0].rpartition("/")[0]
            listed = (line.partition(",")[0].strip('"') for line in content.decode(errors="replace").splitlines())
            foreign |= {f"{folder}/{one}".lstrip("/") for one in listed}
    return {path: content for path, content in found.items() if path not in foreign}
