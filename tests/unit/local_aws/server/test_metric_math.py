"""Metric math against values worked out by hand; what is not known is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_aws.server.metric_math import Unsupported, evaluate, names

N = None
SERIES = {
    "m1": (4.0, N, 10.0), "m2": (1.0, 3.0, N), "errors": (0.0, 5.0, 2.0), "calls": (10.0, 0.0, 8.0),
}  # fmt: skip


def value(expression: str) -> tuple[float | None, ...]:
    return evaluate(expression, SERIES, ("m1", "m2"), 3)


@pytest.mark.parametrize(("expression", "values"), [
    ("m1", (4, N, 10)),
    ("m1 + m2", (5, N, N)),
    ("FILL(m1, 0) + FILL(m2, 0)", (5, 3, 10)),
    ("FILL(m1, 0) / PERIOD(m1)", (4 / 60, 0, 10 / 60)),
    ("FILL(m1, REPEAT)", (4, 4, 10)),
    ("FILL(m1, m2)", (4, 3, 10)),
    ("FILL(METRICS(), 0)[0]", "not known"),
    ("SUM(METRICS())", (5, 3, 10)),
    ("MAX([m1, m2])", (4, 3, 10)),
    ("MAX(METRICS(\"m1\"))", (4, N, 10)),
    ("AVG(FILL(METRICS(), 0))", (2.5, 1.5, 5)),
    ("MIN(errors)", (0, 0, 0)),
    ("SUM(errors) / 7", (1, 1, 1)),
    ("100 * errors / calls", (0, N, 25)),
    ("IF(calls >= 5, 100 * errors / calls, 0)", (0, 0, 25)),
    ("IF(calls > 0 AND errors > 0, 1, 0)", (0, 0, 1)),
    ("IF(calls == 0 || errors == 0, 1)", (1, 1, N)),
    ("2 ^ 3 * errors", (0, 40, 16)),
    ("-errors + ABS(-3)", (3, -2, 1)),
    ("(calls > 0) + 1", (2, 1, 2)),
    ("RATE(errors)", (N, 5 / 60, -3 / 60)),
    ("DIFF(errors)", (N, 5, -3)),
    ("CEIL(calls / 3)", (4, 0, 3)),
    ("FLOOR(calls / 3) + PERIOD(calls)", (63, 60, 62)),
    ("RUNNING_SUM(m1)", (4, N, 14)),
    ("MAX([IF(FILL(m1, 0) > 5, m2, 7), errors])", (7, 7, 2)),
    ("(errors + 1) * 2", (2, 12, 6)),
])  # fmt: skip
def test_expressions_have_the_values_calculated_by_hand(
    expression: str, values: tuple[float | None, ...] | str
) -> None:
    if isinstance(values, str):
        with pytest.raises(Unsupported, match=values):
            value(expression)
    else:
        assert value(expression) == pytest.approx(values)


@pytest.mark.parametrize("expression", [
    "ANOMALY_DETECTION_BAND(m1)", "SEARCH('x', 'Sum')", "__import__('os')", "m1.values", "m9", "FILL(m1)", "m1 <",
    "(lambda: 1)()", "1 / 0", "METRICS()", "SUM(1)", "[m1][0]", "9 ^ 9 ^ 9 ^ 9", "IF(m1, METRICS(), 0)", "",
    "DIFF(1)", "FILL(1, 2)", "SUM(METRICS('none'))", "IF(1 > 2, 3)",
    "SUM(METRICS() + [m1])", "MAX(IF(m1, METRICS(), 0))",
    "m1 < m2 < errors",
])  # fmt: skip
def test_unsupported_expressions_are_refused(expression: str) -> None:
    with pytest.raises(Unsupported):
        value(expression)


def test_the_refusal_names_the_function_and_the_known_ones() -> None:
    with pytest.raises(Unsupported, match=r"SLICE is not known here; known are METRICS, FILL"):
        value("SLICE(m1, 0)")


def test_the_ids_of_an_expression_are_found() -> None:
    assert names("IF(m1 > 0, FILL(e2, 0), MAX(METRICS('m')))") == {"m1", "e2"}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.floats(-1e9, 1e9), min_size=1, max_size=8))
def test_filling_leaves_nothing_missing_and_changes_nothing_else(values: list[float | None]) -> None:
    filled = evaluate("FILL(m1, 7)", {"m1": tuple(values)}, ("m1",), len(values))
    assert filled == tuple(7.0 if one is None else one for one in values)
