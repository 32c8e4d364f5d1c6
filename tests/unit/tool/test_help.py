"""The command line teaches: examples that parse, completion for three shells, --json and colours everywhere alike."""

from __future__ import annotations

import argparse
import importlib
import json
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from estate_tool import cli

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that can be run, with its parser."""
    nested = [action.choices for action in parser._actions if isinstance(action.choices, dict)]
    for choices in nested:
        for name, below in choices.items():
            yield from leaves(below, (*words, name))
    if not nested:
        yield " ".join(words), parser


LEAVES = dict(leaves(cli.parser()))
EXAMPLES = [
    (name, command)
    for name in cli.COMMANDS
    for command, _ in importlib.import_module(f"estate_tool.commands.{name.replace('-', '_')}").EXAMPLES
]


def test_every_command_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(cli.COMMANDS)
    assert {name.split()[0] for name in LEAVES} == set(cli.COMMANDS)


@pytest.mark.parametrize(("name", "command"), EXAMPLES, ids=lambda value: value)
def test_an_example_is_understood(name: str, command: str) -> None:
    inner = command.removeprefix('eval "$(').removesuffix(')"').partition(" > ")[0]
    first, *words = shlex.split(inner)
    assert (first, words[0]) == ("estate", name)
    assert callable(cli.parser().parse_args(words).run)


@pytest.mark.parametrize("name", sorted(LEAVES.keys() - {"pulumi"}))  # whose flags are the engine's
def test_json_is_understood_everywhere(name: str) -> None:
    assert "--json" in LEAVES[name].format_help()


def test_help_shows_the_examples_as_they_are_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["local", "--help"])
    assert '\n  eval "$(scripts/estate local env)"\n' in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_every_command_and_flag(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell, "--json"]) == 0
    script = json.loads(capsys.readouterr().out)["script"]
    for word in (*cli.COMMANDS, "keep-going", "dry-run"):
        assert word in script
    if path := shutil.which(shell):
        assert subprocess.run([path, "-n"], input=script, text=True, check=False).returncode == 0


def test_bash_completes_by_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    typed = 'COMP_WORDS=(scripts/estate r); COMP_CWORD=1; _shtab_estate; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", f"{script}\n{typed}"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["redrive", "rightsize"]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("sample flights --limit", ("-1", "many", "1.5")),
        ("redrive --rate", ("0", "x")),
        ("send - --from-line", ("0", "1.5")),
        ("send - --timeout", ("0", "nan", "inf", "x")),
        ("status --watch", ("0", "x", "nan", "1e9")),
        ("rightsize --slower", ("-1", "x")),
        ("rightsize --min-samples", ("0",)),
    ],
)
def test_a_number_that_is_none_or_out_of_bounds_is_wrong_usage(line: str, wrong: tuple[str, ...]) -> None:
    for value in wrong:
        assert cli.main([*line.split(), value]) == 2, value


@pytest.mark.parametrize("line", ["sample flights --limit 0", "redrive --rate 1", "status --watch 1"])
def test_the_least_number_is_allowed(line: str) -> None:
    assert cli.parser().parse_args(line.split())
