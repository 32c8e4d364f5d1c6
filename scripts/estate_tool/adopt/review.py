"""Files for review: their text, and a folder of them that is written whole and checked as by their readers, or not."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compute.sizing import memory_by_function
from estate_tool.core.errors import Failed, UsageError
from estate_tool.costing import statement
from foundation.problems import InvalidConfiguration
from foundation.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from estate_tool.adopt.model import Note
    from foundation.model import Catalog

CATALOG, SIZING, LOAD, NOTES = "catalog.py", "sizing.json", "load.yaml", "not-expressed.md"
_WIDTH = 120
_KINDS = (
    ("missing", "Not there any more", "Has to be made by hand, or done without."),
    ("differs", "There, and different", "Declared, but not as it was."),
    ("code", "To change in the code", "The functions' code has to do it otherwise."),
)


def catalog(content: Catalog, title: str) -> str:
    """Return the source of a module with this catalog."""
    names: dict[str, set[str]] = defaultdict(set)
    for module, name in _types(content):
        names[module].add(name)
    imports = "\n".join(_import(module, sorted(several)) for module, several in sorted(names.items()))
    return f'"""{title}"""\n\n{imports}\n\nCATALOG = {_value(content, 0, whole=True)}\n'


def _import(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    listed = "".join(f"    {name},\n" for name in names)
    return line if len(line) <= _WIDTH else f"from {module} import (\n{listed})"


def _types(value: Any) -> Iterator[tuple[str, str]]:
    """Yield module and name of the types in a value."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if is_dataclass(value):
        yield type(value).__module__, type(value).__name__
        value = [getattr(value, one.name) for one in fields(value)]
    for one in value if isinstance(value, tuple | list) else ():
        yield from _types(one)


def _value(value: Any, depth: int, *, whole: bool = False) -> str:
    """Return a value's source: on one line if it fits, else, as declarations of their own are, a line for each part."""
    if is_dataclass(value):
        name = type(value).__name__
        parts = [f"{key}={_value(part, depth + 1)}" for key, part in _given(value)]
        spread = whole or name in ("Function", "Queue", "Table")
    elif isinstance(value, tuple):
        name, parts = "", [_value(part, depth + 1) for part in value]
        spread = any(is_dataclass(part) and type(part).__name__ in ("Function", "Queue", "Table") for part in value)
    elif isinstance(value, Mapping):
        parts = [f"{_text(key)}: {_value(part, depth + 1)}" for key, part in value.items()]
        return _joined("{", parts, "}", depth, spread=False)
    else:
        return _text(value) if isinstance(value, str) else repr(value)
    closing = ",)" if not name and len(parts) == 1 else ")"
    return _joined(f"{name}(", parts, closing, depth, spread=spread and bool(parts))


def _joined(opening: str, parts: Sequence[str], closing: str, depth: int, *, spread: bool) -> str:
    line = f"{opening}{', '.join(parts)}{closing}"
    if not spread and "\n" not in line and len(line) + 4 * depth + 20 <= _WIDTH:
        return line
    inner = "    " * (depth + 1)
    return f"{opening}\n" + "".join(f"{inner}{part},\n" for part in parts) + "    " * depth + closing.lstrip(",")


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)


def _given(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields that are not as by default."""
    for one in fields(value):
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        if (found := getattr(value, one.name)) != default:
            yield one.name, found


def load(content: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """Return a load file in YAML, its numbers in plain decimals."""
    lines = [f"# {title}"]
    for section, entries in content.items():
        if entries:
            lines.append(f"{section}:")
            lines += [f"  {name}: {_flow(entry)}" for name, entry in entries.items()]
    return "\n".join(lines) + "\n"


def _flow(entry: Any) -> str:
    if isinstance(entry, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(value)}" for key, value in entry.items()) + "}"
    number = format(entry.quantize(Decimal("0.000001")), "f")
    return number.rstrip("0").rstrip(".") if "." in number else number


def not_expressed(notes: Sequence[Note], title: str) -> str:
    """Return the list of what the files do not hold as it was found, as a page."""
    lines = [f"# {title}", ""]
    for kind, heading, about in _KINDS:
        several = [note for note in notes if note.kind == kind]
        lines += [f"## {heading}", "", about if several else "Nothing.", ""]
        if several:
            lines += ["| resource | setting | found | reason | instead |", "|---|---|---|---|---|"]
            lines += [
                "| " + " | ".join(map(_cell, (one.resource, one.setting, one.found, one.reason, one.instead))) + " |"
                for one in several
            ]
            lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


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
