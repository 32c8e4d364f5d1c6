"""CloudWatch's metric math, as far as alarms and dashboards use it ("Using math expressions with CloudWatch metrics").

An expression calculates with numbers, time series and lists of series. Unknown functions and syntax are refused.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, repeat
from statistics import fmean
from typing import Any

_TOKENS = re.compile(r"\"[^\"]*\"|'[^']*'|&&|\|\||\^|[A-Za-z_]\w*")
_AS_PYTHON = {"AND": "and", "&&": "and", "OR": "or", "||": "or", "^": "**", "TRUE": "1", "FALSE": "0"}
_LONGEST = 2048

Series = tuple[float | None, ...]
"""One value per period, oldest first, None where there is none; all series of an evaluation have the same periods."""
Value = float | Series | list[Series]
_KINDS: Mapping[type, str] = {float: "S", tuple: "T", list: "A"}


class Unsupported(Exception):
    """Expression that can't be evaluated here; the message has the reason."""


def evaluate(
    expression: str, series: Mapping[str, Series], metrics: Sequence[str], length: int, period: int = 60
) -> Series:
    """Return the expression's series, of `length` periods of `period` seconds; `metrics` are the IDs of METRICS().

    Raises `Unsupported` when it has none.
    """
    if len(expression) > _LONGEST:
        raise Unsupported(f"an expression has at most {_LONGEST} characters, this one {len(expression)}")
    text = _TOKENS.sub(lambda token: _AS_PYTHON.get(token[0], token[0]), expression.strip())
    try:
        result = _Calculation(series, metrics, period).of(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, OverflowError) as error:
        raise Unsupported(f"{expression!r} can't be evaluated: {error}") from error
    if isinstance(result, list):
        raise Unsupported(f"{expression!r} has {len(result)} time series, where one is needed")
    return result if isinstance(result, tuple) else (result,) * length


def names(expression: str) -> set[str]:
    """Return the IDs in the expression."""
    return {token for token in _TOKENS.findall(expression) if token[0].islower()}


def _divided(left: float, right: float) -> float | None:
    return left / right if right else None


def _power(left: float, right: float) -> float | None:
    try:
        result = left**right
    except (ZeroDivisionError, OverflowError):
        return None
    return result if isinstance(result, float) else None


def _truth(compare: Callable[[float, float], object]) -> Callable[[float, float], float]:
    return lambda left, right: 1.0 if compare(left, right) else 0.0


_OPERATORS: Mapping[type, Callable[[float, float], float | None]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: _divided, ast.Pow: _power,
    ast.Lt: _truth(operator.lt), ast.LtE: _truth(operator.le), ast.Gt: _truth(operator.gt),
    ast.GtE: _truth(operator.ge), ast.Eq: _truth(operator.eq), ast.NotEq: _truth(operator.ne),
    ast.And: _truth(lambda left, right: left and right), ast.Or: _truth(lambda left, right: left or right),
}  # fmt: skip


def _each(function: Callable[..., float | None], *values: Value | None, gaps: bool = False) -> Value:
    """Apply the function period by period, in lists series by series.

    A result is missing where an operand is; with `gaps`, the function gets None for a missing operand instead.
    """
    if lists := [value for value in values if isinstance(value, list)]:
        columns: Any = (value if isinstance(value, list) else repeat(value, len(lists[0])) for value in values)
        rows = (_each(function, *row, gaps=gaps) for row in zip(*columns, strict=True))
        return [row for row in rows if isinstance(row, tuple)]
    if series := [value for value in values if isinstance(value, tuple)]:
        columns = (value if isinstance(value, tuple) else repeat(value, len(series[0])) for value in values)
        rows = zip(*columns, strict=True)
        return tuple(None if None in row and not gaps else function(*row) for row in rows)
    if (result := function(*values)) is None:
        raise Unsupported("a number is divided by zero, too large, or missing")
    return float(result)


def _filled(value: Value, filler: Value) -> Value:
    return _each(lambda old, new: new if old is None else old, value, filler, gaps=True)


def _repeated(value: Series) -> Series:
    return tuple(accumulate(value, lambda last, one: last if one is None else one))


def _chosen(condition: Value, yes: Value, no: Value | None = None) -> Value:
    def choose(asked: float | None, yes: float | None, no: float | None) -> float | None:
        return None if asked is None else yes if asked else no

    return _each(choose, condition, yes, no, gaps=True)


def _differences(value: Series) -> Series:
    pairs = zip((None, *value[:-1]), value, strict=True)
    return tuple(None if a is None or b is None else b - a for a, b in pairs)


def _running_sum(value: Series) -> Series:
    sums = accumulate(one or 0.0 for one in value)
    return tuple(None if one is None else total for one, total in zip(value, sums, strict=True))


def _reduced(function: Callable[[list[float]], float]) -> Callable[[Series | list[Series]], Value]:
    """Return the function of all values of a series, or of each period of several series."""

    def known(values: Iterable[float | None]) -> list[float]:
        return [value for value in values if value is not None]

    def reduce(value: Series | list[Series]) -> Value:
        if isinstance(value, tuple):
            return function(found) if (found := known(value)) else value
        return tuple(function(found) if (found := known(row)) else None for row in zip(*value, strict=True))

    return reduce


_Function = tuple[Callable[..., Value], Sequence[str]]
# By name: the function, and for each parameter the kinds: S a number, T a series, A a list of series, ? optional.
_FUNCTIONS: dict[str, _Function] = {
    "FILL": (_filled, ("TA", "ST")), "FILL REPEAT": (_repeated, ("T",)),
    "IF": (_chosen, ("ST", "ST", "ST?")),
    "SUM": (_reduced(math.fsum), ("TA",)), "AVG": (_reduced(fmean), ("TA",)),
    "MIN": (_reduced(min), ("TA",)), "MAX": (_reduced(max), ("TA",)),
    "ABS": (lambda value: _each(math.fabs, value), ("STA",)), "CEIL": (lambda value: _each(math.ceil, value), ("STA",)),
    "FLOOR": (lambda value: _each(math.floor, value), ("STA",)), "DIFF": (_differences, ("T",)),
    "RUNNING_SUM": (_running_sum, ("T",)),
}  # fmt: skip


class _Calculation:
    """Evaluates the syntax tree of one expression, by the operators and functions that are listed here."""

    def __init__(self, series: Mapping[str, Series], metrics: Sequence[str], period: int) -> None:
        self._series = series
        self._metrics = metrics
        of_period: dict[str, _Function] = {
            "PERIOD": (lambda _: float(period), ("T",)),
            "RATE": (lambda value: _each(operator.truediv, _differences(value), float(period)), ("T",)),
        }
        self._functions = _FUNCTIONS | of_period

    def of(self, node: ast.expr) -> Value:
        """Return the value of a node."""
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in self._series:
                return self._series[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _each(lambda value: -value, self.of(operand))
            case (
                ast.BinOp(left=left, op=sign, right=right)
                | ast.Compare(left=left, ops=[sign], comparators=[right])
                | ast.BoolOp(op=sign, values=[left, right])
            ) if type(sign) in _OPERATORS:
                return _each(_OPERATORS[type(sign)], self.of(left), self.of(right))
            case ast.BoolOp(op=sign, values=[first, *others]):
                return self.of(ast.BoolOp(sign, [first, ast.BoolOp(sign, others)]))
            case ast.List(elts=elements):
                return [one for each in elements if isinstance(one := self.of(each), tuple)]
            case ast.Call(func=ast.Name(id="METRICS"), args=[]):
                return [self._series[name] for name in self._metrics]
            case ast.Call(func=ast.Name(id="METRICS"), args=[ast.Constant(value=str() as part)]):
                return [self._series[name] for name in self._metrics if part in name]
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
            case _:
                raise Unsupported(f"{ast.unparse(node)!r} is not known in metric math here")

    def _call(self, name: str, arguments: list[ast.expr]) -> Value:
        if name not in self._functions:
            known = ", ".join(["METRICS", *self._functions])
            raise Unsupported(f"the function {name} is not known here; known are {known}")
        match arguments:
            case [filled, ast.Name(id="REPEAT")] if name == "FILL":
                name, arguments = "FILL REPEAT", [filled]
            case _:
                pass
        function, kinds = self._functions[name]
        if not len([kind for kind in kinds if "?" not in kind]) <= len(arguments) <= len(kinds):
            raise Unsupported(f"{name} takes {len(kinds)} arguments, not {len(arguments)}")
        values = [self.of(argument) for argument in arguments]
        if any(value == [] or _KINDS[type(value)] not in kind for value, kind in zip(values, kinds, strict=False)):
            raise Unsupported(f"{name} does not take arguments of these kinds, or takes no empty list")
        return function(*values)
