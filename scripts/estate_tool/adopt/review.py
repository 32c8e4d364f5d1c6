"""Files for review: their text, and a folder of them, written only if their readers take all of them."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from compute.sizing import memory_by_function
from estate_tool.core.errors import Failed, UsageError
from estate_tool.costing import statement
from foundation.model import Catalog, Function, Queue, Table
from foundation.problems import InvalidConfiguration
from foundation.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from estate_tool.adopt.model import Note

CATALOG, SIZING, LOAD, NOTES = "catalog.py", "sizing.json", "load.yaml", "not-expressed.md"
_WIDTH = 120
# In the written catalog, each of their parts has a line.
_DECLARATIONS = (Catalog, Function, Queue, Table)
_KINDS = (
    ("missing", "Not there any more", "Has to be made by hand, or done without."),
    ("differs", "There, and different", "Declared, but not as it was."),
    ("code", "To change in the code", "The functions' code has to do it otherwise."),
)


def catalog(content: Catalog, title: str) -> str:
    """Return the source of a module with this catalog."""
    names: dict[str, list[str]] = defaultdict(list)
    for module, name in sorted(set(_types(content))):
        names[module].append(name)
    imports = "\n".join(_import(module, several) for module, several in names.items())
    return f'"""{title}"""\n\n{imports}\n\nCATALOG = {_source(content, 0)}\n'


def _import(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    listed = "".join(f"    {name},\n" for name in names)
    return line if len(line) <= _WIDTH else f"from {module} import (\n{listed})"


def _types(value: Any) -> Iterator[tuple[str, str]]:
    """Yield module and name of the types in a value."""
    if is_dataclass(value):
        yield type(value).__module__, type(value).__name__
        value = vars(value)
    for one in value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple | list) else ():
        yield from _types(one)


def _source(value: Any, depth: int) -> str:
    """Return a value's source: on one line if it fits; declarations with a line for each part."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)
    inner = partial(_source, depth=depth + 1)
    closing = ")"
    if is_dataclass(value):
        opening, parts = f"{type(value).__name__}(", [f"{key}={inner(part)}" for key, part in _given(value)]
    elif isinstance(value, tuple):
        opening, parts = "(", [inner(part) for part in value]
        closing = ",)" if len(parts) == 1 else ")"
    elif isinstance(value, Mapping):
        opening, parts = "{", [f"{inner(key)}: {inner(part)}" for key, part in value.items()]
        closing = "}"
    else:
        return repr(value)
    line = f"{opening}{', '.join(parts)}{closing}"
    spread = isinstance(value, _DECLARATIONS) or "\n" in line or len(line) + 4 * depth + 20 > _WIDTH
    if not spread or not parts:
        return line
    indent = "    " * depth
    return f"{opening}\n" + "".join(f"{indent}    {part},\n" for part in parts) + indent + closing.lstrip(",")


def _given(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields that are not as by default."""
    for one in fields(value):
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        if (found := getattr(value, one.name)) != default:
            yield one.name, found


def load(content: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """Return a load file in YAML, its numbers in plain decimals."""
    sections = {section: entries for section, entries in content.items() if entries}
    return f"# {title}\n" + yaml.dump(
        sections, Dumper=_Dumper, default_flow_style=None, sort_keys=False, width=sys.maxsize
    )  # fmt: skip


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return isinstance(data, Decimal) or super().ignore_aliases(data)

    def represent_decimal(self, number: Decimal) -> yaml.ScalarNode:
        text = f"{number:.6f}".rstrip("0").rstrip(".")
        return self.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


_Dumper.add_representer(Decimal, _Dumper.represent_decimal)


def not_expressed(notes: Sequence[Note], title: str) -> str:
    """Return the notes as a page, with a table for each kind."""
    lines = [f"# {title}", ""]
    for kind, heading, about in _KINDS:
        several = [note for note in notes if note.kind == kind]
        lines += [f"## {heading}", "", about if several else "Nothing.", ""]
        if several:
            lines += ["| resource | setting | found | reason | instead |", "|---|---|---|---|---|"]
            for _, *cells in several:
                lines.append("| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |")
            lines.append("")
    return "\n".join(lines)


def write(folder: Path, files: Mapping[str, str | bytes]) -> list[str]:
    """Write the files, by relative path, once their readers take them; return the paths.

    Raises Failed where they do not, and OSError; the folder is as it was then.
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
    """Raise Failed if a file is refused by its reader: foundation, compute or `estate cost`."""
    module: dict[str, Any] = {"__name__": "adopted"}
    try:
        exec(compile((folder / CATALOG).read_text(encoding="utf-8"), CATALOG, "exec"), module)
        validate(module["CATALOG"])
        memory_by_function((function.name for function in module["CATALOG"].functions), folder / SIZING)
        statement.read(folder / LOAD)
    except (InvalidConfiguration, UsageError) as error:
        raise Failed(
            f"the declarations of these functions would not be valid, so nothing was written:\n{error}",
            "choose other names with --name OLD=NEW, or leave out the function that it names",
        ) from error
