"""Text of foundation/catalog.py with one function more."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING

from estate_tool.core.errors import UsageError
from foundation.model import QueueTrigger, ScheduleTrigger, StreamTrigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foundation.model import Function

# Kinds of triggers, with the key of what they are about.
TRIGGERS = {
    "queue": (QueueTrigger, "queue"), "stream": (StreamTrigger, "table"), "schedule": (ScheduleTrigger, "expression"),
}  # fmt: skip
_MODEL = "foundation.model"


def added(text: str, function: Function) -> str:
    """Return the catalog's source with the declaration as the last of its functions.

    Raises UsageError, with the declaration to write by hand, if `functions` is not a tuple or list over several lines.
    """
    declared = _functions(ast.parse(text))
    lines = text.splitlines(keepends=True)
    if declared is None or lines[(declared.end_lineno or 1) - 1].strip() not in ("),", ")", "],", "]"):
        raise UsageError(
            "foundation/catalog.py has no list `functions` with a line of its own for its end; nothing was written",
            f"give it that form, or declare the function yourself:\n{declaration(function)}",
        )
    at = (declared.end_lineno or 1) - 1
    before = "".join(lines[:at]).rstrip()
    comma = "" if before.endswith((",", "(", "[")) else ","
    return _imported(f"{before}{comma}\n{declaration(function)}{''.join(lines[at:])}", _trigger_type(function))


def declaration(function: Function) -> str:
    """Return the declaration as it stands in the catalog."""
    return "".join(f"{line}\n" for line in _lines(function))


def _lines(function: Function) -> Iterator[str]:
    yield "        Function("
    yield f"            name={json.dumps(function.name)},"
    yield f"            handler={json.dumps(function.handler)},"
    yield f"            description={json.dumps(function.description, ensure_ascii=False)},"
    yield f"            timeout_seconds={function.timeout_seconds},"
    if function.trigger:
        _, key, name = source(function)
        yield f"            trigger={_trigger_type(function)}({key}={json.dumps(name)}),"
    yield "        ),"


def source(function: Function) -> tuple[str, str, str]:
    """Return the kind of the trigger, its own key and the value of that; `none` without a trigger."""
    for kind, (type_, key) in TRIGGERS.items():
        if isinstance(function.trigger, type_):
            return kind, key, getattr(function.trigger, key)
    return "none", "", ""


def _trigger_type(function: Function) -> str:
    return type(function.trigger).__name__ if function.trigger else "Function"


def _functions(tree: ast.Module) -> ast.expr | None:
    """Return the value of `functions` in the one call of Catalog."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Catalog":
            for keyword in node.keywords:
                if keyword.arg == "functions" and isinstance(keyword.value, ast.Tuple | ast.List):
                    return keyword.value
    return None


def _imported(text: str, name: str) -> str:
    """Return the text with a name of the model among its imports."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.module == _MODEL:
            names = sorted({name, *(alias.name for alias in node.names)}, key=lambda one: (not one.isupper(), one))
            if name in {alias.name for alias in node.names}:
                return text
            lines = text.splitlines(keepends=True)
            block = f"from {_MODEL} import (\n" + "".join(f"    {one},\n" for one in names) + ")\n"
            return "".join([*lines[: node.lineno - 1], block, *lines[node.end_lineno or node.lineno :]])
    return text
