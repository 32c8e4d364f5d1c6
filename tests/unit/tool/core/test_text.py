"""Nothing that others wrote draws on a terminal: control characters are written out, whatever command prints them."""

from __future__ import annotations

import io
import json
import re
import sys
import unicodedata
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from estate_tool import cli
from estate_tool.commands import status
from estate_tool.console.progress import Progress
from estate_tool.console.tables import table
from estate_tool.core import aws_errors
from estate_tool.core.errors import Failed, show
from estate_tool.core.text import SafeStream, filtered, one_line, safe, span
from estate_tool.engine.events import Step
from estate_tool.events import query
from estate_tool.redrive.results import ForeignItems, Reason
from estate_tool.rollout import display
from tests.support.fuzz import fuzzed

# A title, a cleared screen, colours in 8 bits, text that runs backwards, an overwritten line, half a character.
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2066\rok\x7f\x00\udc9b\u2028"
TEXTS = st.text(st.characters(exclude_categories=())) | st.text(HOSTILE, max_size=8)


def drawing(text: str) -> set[str]:
    """The characters that draw, turn or hide."""
    return {
        character for character in text
        if (unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") and character not in "\n\t")
        or unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        or character in "\u061c\u200e\u200f"
    }  # fmt: skip


@fuzzed()
@given(TEXTS)
def test_no_control_character_is_left_of_any_text(text: str) -> None:
    assert not drawing(safe(text))
    assert "\n" not in one_line(text)
    assert "\t" not in one_line(text)
    safe(text).encode()


@fuzzed()
@given(TEXTS)
def test_json_stays_the_same_json(text: str) -> None:
    # A pair of halves is one character to JSON, and so it is in what is loaded.
    whole = json.loads(json.dumps(text))
    assert json.loads(safe(json.dumps({text: [text]}, ensure_ascii=False))) == {whole: [whole]}


@pytest.mark.parametrize("text", ["Größe 5 µm · 日本語 👩‍👩‍👧 العربية", "a\tb\nc", "\\u001b", "«»"])
def test_what_draws_nothing_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


def test_commands_print_through_the_filter(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(_args: Any) -> int:
        print(HOSTILE)
        print(json.dumps({"subject": HOSTILE}, ensure_ascii=False))
        print(HOSTILE, file=sys.stderr, end="", flush=True)
        sys.stdout.write(HOSTILE)
        sys.stderr.writelines([HOSTILE, HOSTILE])
        raise Failed(HOSTILE, HOSTILE)

    monkeypatch.setattr(status, "run", run)
    before = sys.stdout, sys.stderr
    assert cli.main(["status"]) == 1
    assert (sys.stdout, sys.stderr) == before
    out, err = capsys.readouterr()
    assert out.count("\\u001b]0;owned\\u0007") == 3
    assert not drawing(out + err)
    assert err.count("\n") == 2


def test_wrong_usage_passes_through_the_filter(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["send", "--rate", HOSTILE]) == 2
    assert cli.main([HOSTILE]) == 2
    assert not drawing("".join(capsys.readouterr()))


@pytest.mark.parametrize("terminal", [True, False])
def test_lines_and_moving_lines_of_progress_are_filtered(terminal: bool) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    stream = Stream()
    progress = Progress(f"{HOSTILE}\n[red]", stream)
    progress.line(HOSTILE)
    progress.end()
    left = re.sub(r"\r|\x1b\[(\?25[lh]|[012]?K|1A|[0-9;]*m)", "", stream.getvalue())  # drawn by rich
    assert not drawing(left)
    assert left


def test_colours_are_drawn_where_everything_else_is_filtered() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    shown = display.Display(SafeStream(stream))  # type: ignore[arg-type]
    step = Step(kind="updated", urn=f"urn:pulumi:dev::data::aws:sqs/queue:{HOSTILE}::{HOSTILE}", changed=(HOSTILE,))
    shown.step(step, planned=False)
    shown.line(HOSTILE)
    assert "\x1b[33m~\x1b[0m" in stream.getvalue()
    assert not drawing(stream.getvalue().replace("\x1b[33m", "").replace("\x1b[0m", ""))


def test_names_in_tables_stay_in_their_cell() -> None:
    statistics = {"count": 1, "data": {f"{HOSTILE}\nfield": {"count": 1, "sum": "1", "mean": "1", "stddev": "0"}}}
    answer = {
        "type": HOSTILE, "subject": f"{HOSTILE}\nerror: x", "from": None, "to": None,
        "buckets": [{"hour": "2026-01-01T00:00:00Z", **statistics}], "totals": statistics,
    }  # fmt: skip
    lines = list(query.lines(answer))
    assert not drawing("".join(lines))
    shown = list(table(("function", "MB"), [(f"{HOSTILE}\nx[bold]", "5")], width=200))
    assert "x[bold]" in shown[1]
    assert not drawing("".join(shown))
    assert len(shown) == 2


def test_reasons_and_names_of_a_redrive_are_on_one_line() -> None:
    reason = Reason(kind="message", function="ingest", error=f"{HOSTILE}\nfine", quarantined=False, messages=1, first=0)
    foreign = ForeignItems()
    foreign.record_if_foreign({"event_key": {"S": f"{HOSTILE}\n"}})
    for line in (reason.line(), *foreign.lines()):
        assert not drawing(line)
        assert "\n" not in line


def test_errors_of_aws_are_filtered() -> None:
    for code in ("AccessDenied", "ExpiredToken", "ResourceNotFoundException", "Whatever"):
        error = ClientError({"Error": {"Code": code, "Message": f"{HOSTILE}\n  → rm -rf /"}}, "GetItem")
        stream = io.StringIO()
        explained = aws_errors.explained(error, SimpleNamespace(name="dev", local=False))  # type: ignore[arg-type]
        show(explained, stream)
        assert not drawing(stream.getvalue())
        assert "\n  → rm" not in stream.getvalue()


def test_what_was_wrapped_is_not_wrapped_again() -> None:
    with filtered():
        first = sys.stdout
        with filtered():
            assert sys.stdout is first


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3720, "1 h 02 min"), (93_600, "1 day 2 h")],
)
def test_a_span_of_time_has_its_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text
