"""Documents tell the truth: commands are understood, what they name exists, generated parts are fresh."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from estate_tool import cli
from tests.integration import tour
from tests.support.documents import DOCS, PARTS, written
from tests.support.mocks import ROOT
from tests.support.shown import PAGES, Shown, shown

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = shown()
# Commands of other programs on the pages, each with the reason why no test here runs it.
NOT_OURS = {
    "aws": "the AWS CLI may not be installed, and its sign-in is the reader's",
    "cd": "a step of the shell",
    **dict.fromkeys((".venv/bin/python", "cp", "echo", "perl"), "tests/integration/test_migration.py runs them"),
    "curl": "asks a URL that the reader has; tests/integration/partner.py signs for one",
    "export": "a variable of the reader's shell",
    "jq": "may not be installed",
    "pre-commit": "downloads, and changes the reader's hooks",
    # `pulumi up` in a layer's folder is tried in tests/integration/test_guardrails.py.
    "pulumi": "login needs a backend of the reader's",
}
SCRIPTS = {
    "scripts/estate": (),
    "scripts/deploy_all.sh": ("deploy",),
    "scripts/deploy_layer.sh": ("deploy", "--layer"),
    "scripts/destroy_all.sh": ("destroy",),
    "scripts/destroy_layer.sh": ("destroy", "--layer"),
    "estate": (),
}
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)?(?:#([\w-]+))?\)")


def targets() -> set[str]:
    return set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.page}: {command.line}")
def test_every_command_is_understood(command: Shown) -> None:
    for program, *words in command.parts():
        if program in SCRIPTS:
            whole = [*SCRIPTS[program], *words]
            # Within a sentence a command may be named without what it needs.
            if command.block or len(whole) > 1:
                assert callable(cli.parser().parse_args(_filled_in(whole)).run)
        elif program == "make":
            assert {word for word in words if "=" not in word} <= targets()
        elif program.startswith("scripts/"):
            assert os.access(ROOT / program, os.X_OK)
            assert [word for word in words if "/" in word and not (ROOT / word).exists()] == []
        else:
            assert program in NOT_OURS


def _filled_in(words: list[str]) -> list[str]:
    """A layer where LAYER stands for any."""
    return [{"LAYER": "data"}.get(word, word) for word in words]


def test_every_excused_command_is_shown() -> None:
    assert len(COMMANDS) > 60
    assert {part[0] for command in COMMANDS for part in command.parts()} >= set(NOT_OURS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for name, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), name
        if anchor and target.suffix == ".md":
            titles = re.findall(r"^#+ (.*)", target.read_text(encoding="utf-8"), flags=re.M)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_file_that_the_readme_names_exists() -> None:
    named = re.findall(r"`((?:[\w.]+/)+[\w.]*)`", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(named) > 15
    assert [name for name in named if not ((ROOT / name).exists() or (ROOT / "scripts" / name).exists())] == []


@pytest.mark.parametrize("page", ["proofs", "mutation"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:\w+/)*test_\w+\.py)(?:::(\w+))?`", text)
    assert len(named) > 30
    tests = {path.as_posix(): path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    assert [
        f"{file}::{test}"
        for file, test in named
        if not any(path.endswith(f"/{file}") and re.search(rf"def {test}\b", code) for path, code in tests.items())
    ] == []


@pytest.mark.parametrize("name", PARTS)
def test_generated_parts_are_fresh(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == written(name), "make docs writes them anew"


def test_the_tour_is_of_the_commands_that_make_it_and_its_pictures_are_small_and_load_nothing() -> None:
    assert tour.PAGE.read_text(encoding="utf-8") == tour.text(), "make tour makes it anew"
    pictures = {path.name: path.read_bytes() for path in tour.PICTURES.iterdir()}
    assert set(re.findall(r"tour/([\w-]+\.\w+)", tour.text())) == pictures.keys()
    assert max(map(len, pictures.values())) < 200_000
    assert sum(map(len, pictures.values())) < 1_500_000
    drawings = [content for name, content in pictures.items() if name.endswith(".svg")]
    assert len(drawings) == len(tour.STEPS)
    assert not [one for one in drawings if re.search(rb"<script|@import|(?:url\(|href=)[\"']?(?!#)", one)]
