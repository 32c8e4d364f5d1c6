"""CloudWatch's metric math, as far as alarms and dashboards use it ("Using math expressions with CloudWatch metrics").

An expression is a calculation with time series (one value per period, oldest first, None where there is none) and
numbers. What is not known here is refused, never guessed.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WORDS = re.compile(r"\"[^\"]*\"|'[^']*'|&&|\|\||\^|[A-Za-z_]\w*")
_AS_PYTHON = {"AND": "and", "&&": "and", "OR": "or", "||": "or", "^": "**", "TRUE": "1", "FALSE": "0"}
_LONGEST = 2048


class Unsupported(Exception):
    """Expression that can't be evaluated here; the message has the reason."""


@dataclass(frozen=True)
class Series:
    """One value per period, oldest first; all series of an evaluation have the same periods."""

    values: tuple[float | None, ...]
    period: int = 60


Value = float | Series | list[Series]


def evaluate(expression: str, series: Mapping[str, Series], metrics: Sequence[str], length: int) -> Series:
    """The expression's series; `metrics` are the ids that METRICS() stands for. `Unsupported` when it has none."""
    if len(expression) > _LONGEST:
        raise Unsupported(f"an expression has at most {_LONGEST} characters, this one {len(expression)}")
    text = _WORDS.sub(lambda word: _AS_PYTHON.get(word[0], word[0]), expression.strip())
    try:
        tree = ast.parse(text, mode="eval").body
        result = _Calculation(series, metrics, length).of(tree)
    except (SyntaxError, ValueError, RecursionError, OverflowError) as error:
        raise Unsupported(f"{expression!r} can't be evaluated: {error}") from error
    if isinstance(result, list):
        raise Unsupported(f"{expression!r} gives {len(result)} time series, where one is needed")
    return result if isinstance(result, Series) else Series((result,) * length)


def names(expression: str) -> set[str]:
    """The ids that the expression mentions."""
    return {word for word in _WORDS.findall(expression) if word[0].islower()}


def _divided(left: float, right: float) -> float | None:
    return left / right if right else None


def _power(left: float, right: float) -> float | None:
    try:
        result = left**right
    except (ZeroDivisionError, OverflowError):
        return None
    return result if isinstance(result, float) else None


def _truth(compare: Callable[[float, float], bool]) -> Callable[[float, float], float]:
    return lambda left, right: 1.0 if compare(left, right) else 0.0


_OPERATORS: Mapping[type, Callable[[float, float], float | None]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: _divided, ast.Pow: _power,
    ast.Lt: _truth(operator.lt), ast.LtE: _truth(operator.le), ast.Gt: _truth(operator.gt),
    ast.GtE: _truth(operator.ge), ast.Eq: _truth(operator.eq), ast.NotEq: _truth(operator.ne),
    ast.And: _truth(lambda left, right: bool(left and right)), ast.Or: _truth(lambda left, right: bool(left or right)),
}  # fmt: skip


def _each(function: Callable[..., float | None], *values: Value) -> Value:
    """The function period by period; where one of the values is missing, so is the result."""
    lists = [value for value in values if isinstance(value, list)]
    if lists:
        count = len(lists[0])
        rows = [value if isinstance(value, list) else [value] * count for value in values]
        if any(len(row) != count for row in rows):
            raise Unsupported("lists of different lengths can't be combined")
        return [one for row in zip(*rows, strict=True) if isinstance(one := _each(function, *row), Series)]
    found = [value for value in values if isinstance(value, Series)]
    if not found:
        result = function(*values)
        if result is None:
            raise Unsupported("a number is divided by zero or too large")
        return float(result)
    columns = [value.values if isinstance(value, Series) else (value,) * len(found[0].values) for value in values]
    rows = zip(*columns, strict=True)
    return Series(tuple(None if None in row else function(*row) for row in rows), found[0].period)


def _fill(value: Value, filler: Value) -> Value:
    """FILL: the series with its gaps filled by a number or by the values of another series."""
    if isinstance(value, list):
        return [one for each in value if isinstance(one := _fill(each, filler), Series)]
    if not isinstance(value, Series) or isinstance(filler, list):
        raise Unsupported("FILL takes time series and what to fill them with")
    other = filler.values if isinstance(filler, Series) else (filler,) * len(value.values)
    filled = tuple(new if old is None else old for old, new in zip(value.values, other, strict=True))
    return Series(filled, value.period)


def _repeated(value: Value) -> Value:
    if not isinstance(value, Series):
        raise Unsupported("FILL(…, REPEAT) takes one time series")
    last: float | None = None
    values: list[float | None] = []
    for one in value.values:
        last = last if one is None else one
        values.append(last)
    return Series(tuple(values), value.period)


def _chosen(condition: Value, yes: Value, no: Value | None = None) -> Value:
    """IF: where the condition is not 0 the one, elsewhere the other, or nothing."""
    if isinstance(condition, list) or isinstance(yes, list) or isinstance(no, list):
        raise Unsupported("IF takes numbers and single time series")
    if not isinstance(condition, Series):
        if condition == 0.0 and no is None:
            raise Unsupported("IF needs a third argument when its condition is a number")
        return yes if condition or no is None else no
    pick = [_column(value, len(condition.values)) for value in (yes, no)]
    values = tuple(
        None if asked is None else pick[0 if asked else 1][index] for index, asked in enumerate(condition.values)
    )
    return Series(values, condition.period)


def _column(value: Value | None, length: int) -> tuple[float | None, ...]:
    return value.values if isinstance(value, Series) else (value if isinstance(value, float) else None,) * length


def _period(value: Value) -> float:
    if isinstance(value, Series):
        return float(value.period)
    raise Unsupported("PERIOD takes one time series")


def _differences(value: Value) -> Series:
    if not isinstance(value, Series):
        raise Unsupported("DIFF and RATE take one time series")
    pairs = zip((None, *value.values[:-1]), value.values, strict=True)
    return Series(tuple(None if a is None or b is None else b - a for a, b in pairs), value.period)


def _running_sum(value: Value) -> Series:
    if not isinstance(value, Series):
        raise Unsupported("RUNNING_SUM takes one time series")
    total, sums = 0.0, list[float | None]()
    for one in value.values:
        total += one or 0.0
        sums.append(None if one is None else total)
    return Series(tuple(sums), value.period)


def _reduced(function: Callable[[list[float]], float]) -> Callable[[Value], Value]:
    """Of several series the function of each period, of one series that of all its values."""

    def reduce(value: Value) -> Value:
        if isinstance(value, Series):
            known = [one for one in value.values if one is not None]
            if not known:
                return Series((None,) * len(value.values), value.period)
            return function(known)
        if not isinstance(value, list) or not value:
            raise Unsupported("SUM, AVG, MIN and MAX take time series")
        columns = (
            [one for one in row if one is not None] for row in zip(*(each.values for each in value), strict=True)
        )
        return Series(tuple(function(known) if known else None for known in columns), value[0].period)

    return reduce


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return math.fsum(known) / len(known)


_FUNCTIONS: Mapping[str, tuple[Callable[..., Value], tuple[int, ...]]] = {
    "FILL": (_fill, (2,)), "IF": (_chosen, (2, 3)), "PERIOD": (_period, (1,)),
    "SUM": (_reduced(math.fsum), (1,)), "AVG": (_reduced(_mean), (1,)),
    "MIN": (_reduced(min), (1,)), "MAX": (_reduced(max), (1,)),
    "ABS": (lambda value: _each(math.fabs, value), (1,)), "CEIL": (lambda value: _each(math.ceil, value), (1,)),
    "FLOOR": (lambda value: _each(math.floor, value), (1,)), "DIFF": (_differences, (1,)),
    "RUNNING_SUM": (_running_sum, (1,)),
    "RATE": (lambda value: _each(operator.truediv, _differences(value), _period(value)), (1,)),
}  # fmt: skip


class _Calculation:
    """Walks the tree of one expression. Nothing but what is listed here is ever carried out."""

    def __init__(self, series: Mapping[str, Series], metrics: Sequence[str], length: int) -> None:
        self._series = series
        self._metrics = metrics
        self._length = length

    def of(self, node: ast.expr) -> Value:
        """The value of a node."""
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in self._series:
                return self._series[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _each(lambda value: -value, self.of(operand))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
                return _each(_OPERATORS[type(sign)], self.of(left), self.of(right))
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _OPERATORS:
                return _each(_OPERATORS[type(sign)], self.of(left), self.of(right))
            case ast.BoolOp(op=sign, values=[first, *others]):
                value = self.of(first)
                for other in others:
                    value = _each(_OPERATORS[type(sign)], value, self.of(other))
                return value
            case ast.List(elts=elements):
                return [one for each in elements if isinstance(one := self.of(each), Series)]
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
            case _:
                raise Unsupported(f"{ast.unparse(node)!r} is not known in metric math here")

    def _call(self, name: str, arguments: list[ast.expr]) -> Value:
        if name == "METRICS":
            return self._all(arguments)
        if name not in _FUNCTIONS:
            raise Unsupported(f"the function {name} is not known here; known are METRICS, {', '.join(_FUNCTIONS)}")
        function, counts = _FUNCTIONS[name]
        if len(arguments) not in counts:
            raise Unsupported(f"{name} takes {' or '.join(map(str, counts))} arguments, not {len(arguments)}")
        match arguments:
            case [what, ast.Name(id="REPEAT")] if name == "FILL":
                return _repeated(self.of(what))
            case _:
                return function(*(self.of(argument) for argument in arguments))

    def _all(self, arguments: list[ast.expr]) -> list[Series]:
        """METRICS(): all metrics of the request, or those with the text in their id."""
        part: Any = arguments[0].value if arguments and isinstance(arguments[0], ast.Constant) else ""
        return [self._series[name] for name in self._metrics if str(part) in name]
