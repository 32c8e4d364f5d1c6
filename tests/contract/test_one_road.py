"""Behaviour is the same in every environment; a difference has its reason."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from estate_tool.core.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOL = ROOT / "scripts/estate_tool"


def conditions(source: str) -> Iterator[int]:
    """Yield the numbers of the lines that ask if an environment is local."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="threading")):
                pass
            case ast.Attribute(attr="local") | ast.Call(func=ast.Name(id="is_local")):
                yield node.lineno
            case _:
                pass


def without_reason(source: str) -> list[int]:
    """Return those of the lines that have no comment, nor one right above."""
    lines = source.splitlines()
    return [
        number
        for number in conditions(source)
        if "# " not in lines[number - 1] and not lines[number - 2].lstrip().startswith("# ")
    ]


def test_every_condition_on_a_local_environment_has_a_reason_beside_it() -> None:
    sources = {path: path.read_text() for path in TOOL.rglob("*.py")}
    assert sum(len([*conditions(source)]) for source in sources.values()) > 10
    found = {str(path.relative_to(ROOT)): without_reason(source) for path, source in sources.items()}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_a_condition_without_a_reason_is_found() -> None:
    source = "# Why.\nif target.local: pass\nif target.local: pass\nx = is_local(name)  # because\nthreading.local()\n"
    assert without_reason(source) == [3]
