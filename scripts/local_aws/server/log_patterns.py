"""Filter patterns of CloudWatch Logs on JSON and on space-delimited lines ("Filter pattern syntax" in the guide)."""

from __future__ import annotations

import ast
import fnmatch
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Fields = Callable[[str], Any]
"""Looks up `$.a.b`, or `$name` of a space-delimited line, in what matched; None when it has no such field."""
Test = Callable[[Fields], bool]

_CONDITION = re.compile(
    r"(\$(?:[\w.@-]|\[(?:\d+|\"[^\"]*\"|'[^']*')\])*)\s*"
    r"(?:((?:IS|NOT)\s+\w+)|(!=|<=|>=|=|<|>)\s*(\"(?:[^\"\\]|\\.)*\"|%[^%]*%|[^\s()=<>,&|!\"]+))"
)
_STEP = re.compile(r"\.?([\w@-]+)|\[(\d+)\]|\[[\"']([^\"']*)[\"']\]")
# Fields in square brackets or quotes may hold spaces.
_FIELD = re.compile(r"\[([^\]]*)\]|\"([^\"]*)\"|(\S+)")
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


class Invalid(ValueError):
    """Pattern that CloudWatch would refuse; the message has the reason."""


def matcher(pattern: str) -> Callable[[str], Fields | None]:
    """Return a function that finds a message's fields by a pattern in {…} or […], None for no match. `Invalid`."""
    text = pattern.strip()
    if text.startswith("{") and text.endswith("}"):
        return _of_json(_conditions(text[1:-1]))
    if text.startswith("[") and text.endswith("]"):
        return _of_line(*_columns(text[1:-1]))
    raise Invalid(f"{pattern!r} is neither a pattern in braces nor one in square brackets")


def number(value: Any) -> float | None:
    """The value as a number, if it is one."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _of_json(test: Test) -> Callable[[str], Fields | None]:
    def match(message: str) -> Fields | None:
        try:
            document = json.loads(message)
        except ValueError:
            return None

        def fields(selector: str) -> Any:
            return _select(document, selector)

        return fields if isinstance(document, dict | list) and test(fields) else None

    return match


def _select(value: Any, selector: str) -> Any:
    for name, index, quoted in _STEP.findall(selector[1:]):
        if index:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
        else:
            value = value.get(name or quoted) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True)
class _Column:
    name: str
    test: Test


def _of_line(before: Sequence[_Column], after: Sequence[_Column] | None) -> Callable[[str], Fields | None]:
    """Columns from the left and, behind an ellipsis, from the right; without one, as many as the line has fields."""

    def match(message: str) -> Fields | None:
        words = ["".join(parts) for parts in _FIELD.findall(message)]
        count = len(before) + len(after or ())
        if len(words) < count or (after is None and len(words) != count):
            return None
        placed = [*zip(before, words, strict=False)]
        if after:
            placed += zip(after, words[-len(after) :], strict=True)
        named = {f"${column.name}": word for column, word in placed}
        return named.get if all(column.test(named.get) for column, _ in placed) else None

    return match


def _columns(text: str) -> tuple[list[_Column], list[_Column] | None]:
    before: list[_Column] = []
    after: list[_Column] | None = None
    for part in text.split(","):
        if part.strip() == "...":
            if after is not None:
                raise Invalid("a pattern in square brackets can hold one ellipsis")
            after = []
            continue
        found = re.match(r"\s*(\w+)", part)
        if found is None:
            raise Invalid(f"a column needs a name: {part!r}")
        name = found[1]
        # A condition names its column bare, as in [ip, status = 4* || status = 5*].
        condition = re.sub(rf"\b{name}\b(?=\s*(=|!=|<|>))", f"${name}", part)
        test: Test = (lambda _fields: True) if part.strip() == name else _conditions(condition)
        (before if after is None else after).append(_Column(name, test))
    return before, after


def _conditions(text: str) -> Test:
    """Return the test of conditions that are joined by && and ||, with parentheses."""
    tests: list[Test] = []

    def named(found: re.Match[str]) -> str:
        selector, kind, sign, value = found.groups()
        tests.append(_of_kind(selector, kind) if kind else _comparison(selector, sign, value))
        return f" _{len(tests) - 1} "

    logic = _CONDITION.sub(named, text).replace("&&", " and ").replace("||", " or ")
    try:
        if not _CONDITION.sub("", text).strip("()&| "):
            return _joined(ast.parse(logic.strip(), mode="eval").body, tests)
    except SyntaxError:
        pass
    raise Invalid(f"can't read {text.strip()!r}")


def _joined(node: ast.expr, tests: Sequence[Test]) -> Test:
    if isinstance(node, ast.BoolOp):
        parts, join = [_joined(value, tests) for value in node.values], all if isinstance(node.op, ast.And) else any
        return lambda fields: join(test(fields) for test in parts)
    if isinstance(node, ast.Name):
        return tests[int(node.id[1:])]
    raise Invalid("conditions are joined by && and ||")


def _of_kind(selector: str, kind: str) -> Test:
    kinds: Mapping[str, Callable[[Any], bool]] = {
        "IS TRUE": lambda value: value is True, "IS FALSE": lambda value: value is False,
        "IS NULL": lambda value: value is None, "NOT EXISTS": lambda value: value is None,
    }  # fmt: skip
    test = kinds.get(" ".join(kind.upper().split()))
    if test is None:
        raise Invalid(f"{kind} is not known; {', '.join(kinds)} are")
    return lambda fields: test(fields(selector))


def _comparison(selector: str, sign: str, value: str) -> Test:
    wanted = None if value.startswith('"') else number(value)
    if wanted is not None:
        order = _ORDER[sign]

        def compares(fields: Fields) -> bool:
            found = number(fields(selector))
            return found is not None and order(found, wanted)

        return compares
    if sign not in ("=", "!="):
        raise Invalid(f"{sign} compares with numbers, not with {value}")
    text = value[1:-1].replace('\\"', '"') if value.startswith('"') else value
    expression = value[1:-1] if value.startswith("%") else rf"\A{fnmatch.translate(text)}"

    def is_like(fields: Fields) -> bool:
        found = fields(selector)
        return found is not None and (re.search(expression, str(found)) is not None) == (sign == "=")

    return is_like
