"""Commands in README and docs: in blocks of shell, and within sentences."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.mocks import ROOT

PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "lambda_src" / "README.md",
    *(ROOT / "docs").rglob("*.md"),
)
_BLOCK = re.compile(r"^ *```(?:sh|bash)\n(.*?)^ *```$", re.M | re.S)
_WITHIN = re.compile(
    r"`((?:scripts/[a-z_]+\.sh|scripts/estate|make|pulumi|aws|cd|pre-commit|estate [a-z])(?: [^`]+)?)`"
)
# A synopsis names what may be given; it is no command.
_SYNOPSIS = re.compile(r"[\[…]|\\\|")


class Shown(NamedTuple):
    """A command, its page, and True if it is in a block of its own."""

    page: str
    line: str
    block: bool

    def parts(self) -> Iterator[list[str]]:
        """The words of each program of a pipe, and of what `$(…)` calls; where output goes to left out."""
        line = re.sub(r'^eval "\$\((.*)\)"$', r"\1", self.line)
        words: list[str] = []
        for word in [*shlex.split(line, comments=True), "|"]:
            if word in ("|", "&&"):
                yield words[: words.index(">")] if ">" in words else words
                words = []
            else:
                words.append(word)


def shown() -> list[Shown]:
    """Return every command of every page."""
    return [command for page in PAGES for command in _on(page)]


def _on(page: Path) -> Iterator[Shown]:
    text, name = page.read_text(encoding="utf-8"), str(page.relative_to(ROOT))
    for block in _BLOCK.findall(text):
        for line in block.splitlines():
            if stripped := re.sub(r"\s+#.*", "", line).strip():
                yield Shown(name, stripped, block=True)
    for line in _WITHIN.findall(text):
        if not _SYNOPSIS.search(line):
            yield Shown(name, line, block=False)
