from __future__ import annotations

import io

import pytest

from estate_tool.events.send import Line, Lines


def read(content: bytes, *, longest: int = 100, first: int = 1) -> list[Line]:
    return list(Lines(io.BytesIO(content), longest=longest, first=first))


def test_lines_are_numbered_from_one_and_blank_ones_are_skipped() -> None:
    assert read(b"a\n\n  \t\r\nb\r\nc") == [Line(1, "a"), Line(4, "b"), Line(5, "c")]


def test_nothing_is_no_lines() -> None:
    assert read(b"") == []
    assert read(b"\n\n") == []


def test_lines_before_the_first_are_left_out() -> None:
    assert read(b"a\nb\nc\n", first=2) == [Line(2, "b"), Line(3, "c")]
    assert read(b"a\nb\nc\n", first=9) == []


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert read(b"\xef\xbb\xbf{}\n") == [Line(1, "{}")]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_longest_line_fits_whatever_ends_it(end: bytes) -> None:
    assert read(b"x" * 100 + end) == [Line(1, "x" * 100)]


@pytest.mark.parametrize("length", [101, 102, 103, 104, 5_000_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_that_is_too_long_is_rejected_and_the_next_one_has_the_next_number(length: int, end: bytes) -> None:
    found = read(b"x" * length + end + (b"y\n" if end else b""))
    assert found[0] == Line(1, "", "the line has more than the 100 bytes that fit a message")
    assert found[1:] == ([Line(2, "y")] if end else [])


def test_a_line_is_measured_in_bytes() -> None:
    assert read("é".encode() * 50) == [Line(1, "é" * 50)]
    assert read("é".encode() * 51)[0].problem


@pytest.mark.parametrize("character", ["\x00", "\x1f", "\x0b", "\ufffe", "\uffff"])
def test_a_character_that_no_message_holds_is_named(character: str) -> None:
    (line,) = read(f"ab{character}c".encode())
    assert line.problem == f"character 3 of the line is U+{ord(character):04X}, which no message can hold"


@pytest.mark.parametrize("character", ["\t", "a", "\x7f", "\x85", "\u2028", "\ud7ff", "\ue000", "\ufffd", "\U0010ffff"])
def test_every_other_character_passes_and_ends_no_line(character: str) -> None:
    assert read(f"a{character}b\n".encode()) == [Line(1, f"a{character}b")]


def test_what_is_not_utf_8_is_rejected() -> None:
    assert read(b"ab\xff\nok\n") == [Line(1, "", "the line is not UTF-8 text: byte 3 is wrong"), Line(2, "ok")]


def test_it_reports_how_far_it_has_come() -> None:
    lines = Lines(io.BytesIO(b"a\n\n" + b"x" * 70_000 + b"\nb"), longest=10)
    assert [line.number for line in lines] == [1, 3, 4]
    assert lines.bytes_read == 70_005
    assert lines.number == 4
