"""Exact numbers and their windows."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.exact import EXACT, OutOfRange, exact, join, plain, split
from tests.support.samples import literals


@given(literals())
def test_a_number_is_what_its_digits_say(literal: str) -> None:
    assert Fraction(exact(literal)) == Fraction(literal)


@given(literals())
def test_plain_notation_is_the_same_number_without_exponent_or_idle_zeros(literal: str) -> None:
    text = plain(exact(literal))
    assert Fraction(text) == Fraction(literal)
    assert "e" not in text.lower()
    assert text != "-0"
    assert not (("." in text) and text.endswith(("0", ".")))


@pytest.mark.parametrize(("value", "text"), [("1E+3", "1000"), ("-0.00", "0"), ("1.50", "1.5"), ("1E-7", "0.0000001")])
def test_plain_notation(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@pytest.mark.parametrize("literal", ["34", "-34.5", "99999999999999", "0.00000000000001", "12345678901234.5"])
def test_an_ordinary_number_is_one_window_and_reads_as_itself(literal: str) -> None:
    assert split(exact(literal)) == {0: Decimal(literal)}


def test_a_window_of_zeros_between_two_others_is_none() -> None:
    assert split(exact("1" + 28 * "0" + "1" + 13 * "0")) == {0: Decimal("1e13"), 2: Decimal("1e-14")}


@pytest.mark.parametrize(
    ("literal", "rule"),
    [
        ("1e126", "numbers go from 1e-130 to 9.99e125, of either sign, and 0"),
        ("1e-131", "numbers go from 1e-130 to 9.99e125, of either sign, and 0"),
        ("-1e9999999999999999999", "numbers go from 1e-130 to 9.99e125, of either sign, and 0"),
        ("1" * 300_000, "numbers go from 1e-130 to 9.99e125, of either sign, and 0"),
        ("1" * 39, "numbers have at most 38 significant digits"),
        ("0." + "0" * 50 + "1" * 39, "numbers have at most 38 significant digits"),
    ],
)
def test_a_number_dynamodb_could_not_hold_is_refused_with_the_rule(literal: str, rule: str) -> None:
    with pytest.raises(OutOfRange, match=f"^{rule}$"):
        exact(literal)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        *((zero, "0") for zero in ("0", "-0", "-0.00", "0E5", "0.000e-999999999", "0.0e9999999999999999999")),
        ("9" * 38, "9" * 38), ("9." + "9" * 37 + "e125", "9." + "9" * 37 + "E+125"), ("-1e-130", "-1E-130"),
        ("1" + "0" * 125, "1E+125"), ("1.50000" + "0" * 1000, "1.5"), ("0.1", "0.1"), ("1E+2", "100"),
    ],
)  # fmt: skip
def test_a_number_dynamodb_could_hold_is_taken_exactly(literal: str, value: str) -> None:
    assert exact(literal) == Decimal(value)
    assert plain(exact(literal)).startswith("-") == value.startswith("-")


@given(literals(), st.booleans())
def test_windows_hold_28_digits_each_and_together_the_value(literal: str, square: bool) -> None:
    value = exact(literal)
    value = EXACT.multiply(value, value) if square else value
    windows = split(value)
    assert join(windows) == value
    assert len(windows) <= (4 if square else 3)
    for part in windows.values():
        assert part
        assert abs(part) < 10**14
        assert part == part.quantize(Decimal("1e-14"))


@given(st.lists(literals(), max_size=20))
def test_sums_of_windows_are_the_windows_of_the_sum(numbers: list[str]) -> None:
    sums: dict[int, Decimal] = {}
    for number in numbers:
        for window, part in split(exact(number)).items():
            sums[window] = EXACT.add(sums.get(window, Decimal(0)), part)
            assert len(plain(sums[window]).replace(".", "").strip("-0")) <= 38
    assert Fraction(join(sums)) == sum(map(Fraction, numbers), Fraction(0))
