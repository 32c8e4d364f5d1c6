"""Recordings of each command's output, on a terminal and in a pipe, at 80 and 120 columns (golden/*.txt).

Data of the recordings is made up, or what other tests' fakes led to (golden/data). `make goldens` records anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import struct
import sys
import termios
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool import cli
from estate_tool.console import progress
from tests.support import scenarios
from tests.support.mocks import ROOT
from tests.support.promises import leaves
from tests.support.schema import FOLDER as FOLDER_OF_SCHEMAS
from tests.support.schema import breaches, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.tool.conftest import Estate

FOLDER = Path(__file__).parent / "golden"
NAMES = list(scenarios.SCENARIOS)
VARIANTS = [(kind, columns) for kind in ("terminal", "pipe") for columns in (80, 120)]


class Still:
    """Moving line that is never drawn: where it stands depends on the machine."""

    def __init__(self, stream: Any, _doing: str) -> None:
        self._stream = stream

    def update(self, _text: str) -> None: ...

    def line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def stop(self) -> None: ...


@pytest.fixture(autouse=True)
def _stable(empty_estate: Estate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(progress, "_Live", Still)
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(scenarios.EVENTS)))


@contextlib.contextmanager
def terminal(columns: int) -> Iterator[tuple[Any, list[bytes]]]:
    """A pseudo-terminal of so many columns, and the bytes that it shows."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    shown: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # the end of a terminal
            while data := os.read(master, 65536):
                shown.append(data)

    reader = threading.Thread(target=read)
    reader.start()
    with open(slave, "w", encoding="utf-8", buffering=1) as stream:  # noqa: PTH123 – a descriptor
        yield stream, shown
    reader.join()
    os.close(master)


def run(name: str, monkeypatch: pytest.MonkeyPatch, kind: str, columns: int, *more: str) -> tuple[int, str]:
    """Run a command as a person does; the exit code and everything it prints, stdout and stderr as they come."""
    scenario = scenarios.SCENARIOS[name]
    monkeypatch.setenv("COLUMNS", str(columns))
    with monkeypatch.context() as patch:
        scenario.prepare(patch)
        if kind == "terminal":
            with terminal(columns) as (stream, shown):
                code = _called(patch, stream, stream, [*scenario.words, *more])
            text = b"".join(shown).decode().replace("\r\n", "\n")
        else:
            out, err = io.StringIO(), io.StringIO()
            code = _called(patch, out, out if not more else err, [*scenario.words, *more])
            text = out.getvalue()
    return code, _normal(text)


def _called(patch: pytest.MonkeyPatch, out: Any, err: Any, words: list[str]) -> int:
    patch.setattr(sys, "stdout", out)
    patch.setattr(sys, "stderr", err)
    return cli.main(words)


def _normal(text: str) -> str:
    text = text.replace(os.environ["ESTATE_HOME"], "HOME")
    return re.sub(r"in \d+\.\d s \([\d,]+/s", "in N s (N/s", text)


def recording(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    parts = [f"$ estate {' '.join(scenarios.SCENARIOS[name].words)}\n"]
    known: dict[str, str] = {}
    for kind, columns in VARIANTS:
        code, text = run(name, monkeypatch, kind, columns)
        title = f"{kind}, {columns} columns"
        if kind == "pipe":
            assert "\x1b" not in text, "escape codes in a pipe"
        shown = f"{text.replace(chr(27), '␛')}exit code {code}\n"
        parts.append(f"=== {title}\n{f'as {known[shown]}' + chr(10) if shown in known else shown}")
        known.setdefault(shown, title)
    return "".join(parts)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_prints_what_was_recorded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file, found = FOLDER / f"{name}.txt", recording(name, monkeypatch)
    if os.environ.get("GOLDENS") == "record":
        file.write_text(found, encoding="utf-8")
    assert found == file.read_text(encoding="utf-8"), "look at the difference; if it is meant: make goldens"


@pytest.mark.parametrize("name", [name for name in NAMES if scenarios.SCENARIOS[name].json])
def test_the_json_of_a_command_keeps_its_schema(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = scenarios.SCENARIOS[name].words
    code, text = run(name, monkeypatch, "pipe", 80, "--json")
    schema = scenarios.SCENARIOS[name].schema or name_of(words[0], words)
    assert [breach for one in documents(text) for breach in breaches(schema, one)] == []
    if schema == "error":
        assert code != 0


def documents(text: str) -> list[Any]:
    """The JSON of an output: one document, or one a line."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


def test_every_command_is_recorded_and_has_a_schema() -> None:
    commands = {name for name, _ in leaves(cli.parser())}
    words = {name: scenario.words for name, scenario in scenarios.SCENARIOS.items()}
    recorded = {
        leaf for leaf in commands if any(" ".join(each[: len(leaf.split())]) == leaf for each in words.values())
    }
    # The engine's output, with flags of its own.
    assert commands - recorded == {"pulumi"}
    used = {
        one.schema or name_of(one.words[0], one.words) for one in scenarios.SCENARIOS.values() if one.json
    } | {"logs-event"}  # fmt: skip
    listed = (FOLDER_OF_SCHEMAS / "README.md").read_text(encoding="utf-8")
    assert all(f"| [{name}]({name}.schema.json) |" in listed for name in used)
    assert used == {path.name.removesuffix(".schema.json") for path in FOLDER_OF_SCHEMAS.glob("*.schema.json")}


def test_the_codes_of_errors_are_those_of_the_schema() -> None:
    schema = json.loads((FOLDER_OF_SCHEMAS / "error.schema.json").read_text(encoding="utf-8"))
    listed = set(schema["properties"]["code"]["enum"])
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "scripts" / "estate_tool").rglob("*.py")]
    assert {code for text in sources for code in re.findall(r'\bcode(?:: str)? ?= ?"([a-z_]+)"', text)} <= listed
    # Of AWS's refusals, they stand in a table.
    assert not {code for code in listed if not any(f'"{code}"' in text for text in sources)}
