"""Scalars that YAML reads differently from what is written, and hostile files."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from foundation.yaml_text import Scalar, read
from tests.support.fuzz import fuzzed


def _one(written: str) -> Scalar:
    value = read(f"key: {written}\n", "f.yaml")["key"]
    assert isinstance(value, Scalar)
    return value


@pytest.mark.parametrize(
    "written",
    [
        "0420", "010", "08", "0o17", "0x1F", "0b11", "1e5", "1E+5", "1.5e3", "1_000", "1_0.5", "+5", ".5", "5.",
        "12:30", "1:30:00", "-12:30", "2013-01-01", "2013-1-1", "2013-01-01T10:00:00Z", ".inf",
        "-.INF", ".nan", "yes", "No",
        "ON", "off", "y", "N", "~", "null", "", "=", "00", "-01", "1__0",
    ],
)  # fmt: skip
def test_an_ambiguous_value_is_neither_text_nor_a_number(written: str) -> None:
    assert _one(written).is_ambiguous
    assert not _one(written).is_text


@pytest.mark.parametrize("written", ["0420", "1e5", "12:30", "yes", "~", "2013-01-01", "17", "true"])
def test_quotes_make_it_text(written: str) -> None:
    for quoted in (f"'{written}'", f'"{written}"'):
        value = _one(quoted)
        assert (value, value.is_text, value.is_ambiguous) == (written, True, False)


@pytest.mark.parametrize("written", ["0", "5", "-5", "15.5", "0.5", "1000000", "true", "False"])
def test_plain_decimals_and_booleans_are_what_they_are(written: str) -> None:
    value = _one(written)
    assert not value.is_ambiguous
    assert not value.is_text
    assert value.is_decimal or value.is_boolean


@pytest.mark.parametrize(
    "written", ["dev", "us-east-1", "Europe/Berlin", "10.0.0.1", "1.2.3", "v1:abc:d", "12ab", "0x", "a:b"]
)
def test_other_words_are_text(written: str) -> None:
    assert _one(written).is_text


def test_a_value_knows_its_file_and_line() -> None:
    content = read("a: 1\nb:\n  - x\n  - 0420\n", "f.yaml")
    assert [value.location for value in (content["a"], *content["b"])] == ["f.yaml:1", "f.yaml:3", "f.yaml:4"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: a stands twice"), ("a: &x [*x]", "line 1"), ("a: *x", ""),
        ("--- 1\n--- 2", "line 2"),
        ("? [1]\n: 2", "line 1: a key has to be text"), ("<<: {a: 1}", "line 1: a key has to be text"),
        ("a: !!int 0420", "line 1"), ("a: !!python/object:os.system x", "line 1"), ("a: !x 1", "line 1"),
        ("[" * 100_000, "line 1: it is nested"), ("{a: " * 100_000, "line 1: it is nested"), ("- " * 100_000, "nested"),
        ("a: [", ""), ("\tx", ""), ("\0", ""), ("a: b: c", ""), ("x" * 1_000_001, "1,000,000 characters"),
    ],
)  # fmt: skip
def test_invalid_yaml_is_an_error_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".+") as error:
        read(text, "f.yaml")
    assert said in str(error.value)


def test_an_anchor_used_again_and_again_stays_one_value() -> None:
    levels = [f"l{number}: &l{number} [{', '.join([f'*l{number - 1}'] * 9)}]" for number in range(1, 40)]
    content = read("\n".join(["l0: &l0 [x]", *levels]), "f.yaml")
    assert content["l39"][0] is content["l38"]


# Text out of which mistakes are made: what YAML gives a role to, and anything else.
WORDS = st.one_of(
    st.text("0123456789_.:-+eExXoObByYnNtTfF~aA ", max_size=10),
    st.from_regex(r"[-+]?0?[0-9_]{1,6}([.:][0-9_]{0,3})?([eE][-+]?[0-9]{1,2})?", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9:.Z]{0,9})?", fullmatch=True),
    st.sampled_from(["yes", "NO", "true", "null", "~", "on", "off", ".inf", ".NaN", "y", "<<", "="]),
    st.text(max_size=8),
)


@fuzzed()
@given(WORDS)
def test_text_and_numbers_are_the_same_to_every_loader(written: str) -> None:
    text = f"key: {written}\n"
    try:
        value = read(text, "f.yaml")["key"]
    except (ValueError, KeyError, TypeError):
        return
    if not isinstance(value, Scalar) or value.is_ambiguous:
        return
    loaded = yaml.load(text, Loader=yaml.CSafeLoader)["key"]
    if value.is_boolean and value.plain:
        assert loaded is (value.lower() == "true")
    elif value.is_text:
        assert loaded == value == yaml.load(text, Loader=yaml.CBaseLoader)["key"]
    else:
        assert type(loaded) in (int, float)
        assert float(loaded) == float(value)


@fuzzed()
@given(
    st.one_of(
        st.text(), st.text("[]{}:,-&*!|>'\"#\n ab0", max_size=80), st.binary().map(lambda raw: raw.decode("latin-1"))
    )
)
def test_any_file_is_read_or_refused(text: str) -> None:
    try:
        loaded = read(text, "f.yaml")
    except ValueError:
        return
    assert loaded is None or isinstance(loaded, (str, bool, int, float, list, dict))
