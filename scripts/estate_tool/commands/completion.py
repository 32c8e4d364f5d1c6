"""`estate completion`: what a shell needs to complete commands and flags, for `estate` and for `scripts/estate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.console.output import print_result

if TYPE_CHECKING:
    import argparse

HELP = "print a completion script for bash, zsh or fish"
EXAMPLES = (
    ('eval "$(estate completion bash)"', "in ~/.bashrc; the same with zsh in ~/.zshrc, after compinit"),
    ("estate completion fish > ~/.config/fish/completions/estate.fish", "for fish"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The shell."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell that reads it")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Print the script, made from the command line's own parser."""
    import shtab

    from estate_tool.cli import parser

    script = shtab.complete(parser(), args.shell)
    print_result({"shell": args.shell, "script": script}, [script], as_json=args.json)
    return 0
