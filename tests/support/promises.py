"""Promises of a version by name: commands with their flags, configuration keys, outputs, resources.

Run as a program, it writes docs/promises.json.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from estate_tool import cli
from estate_tool.setup import project
from tests.support.mocks import ROOT, roll_out

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

FILE = ROOT / "docs" / "promises.json"


def promises() -> dict[str, list[str]]:
    """Return all promised names by kind."""
    layers = roll_out()
    return {
        "commands": sorted(commands()),
        "configuration": sorted(configuration()),
        "outputs": sorted(f"{name}.{key}" for name, recording in layers.items() for key in recording.outputs),
        "resources": sorted(
            f"{item.type} {item.name}" for recording in layers.values() for item in recording.resources
        ),
        "reports": sorted(reports()),
    }


def commands() -> set[str]:
    """Return `command`, and `command --flag` for each of its flags."""
    parsers: dict[str, Any] = next(
        action.choices  # type: ignore[misc]
        for action in cli.parser()._actions
        if isinstance(action.choices, dict)
    )
    found: set[str] = set()
    for name, parser in parsers.items():
        flags = {flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")}
        found |= {name, *(f"{name} {flag}" for flag in flags)}
    return found


def leaves(parser: argparse.ArgumentParser, before: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command that can be run, such as `local up`, with its parser."""
    nested = [action.choices for action in parser._actions if isinstance(action.choices, dict)]
    for choices in nested:
        for name, below in choices.items():
            yield from leaves(below, f"{before} {name}".strip())
    if not nested:
        yield before, parser


def configuration() -> set[str]:
    """Keys of the layers' Pulumi.yaml, where there are any, and of the settings they read."""
    from compute.config import Keys as ComputeKeys
    from data.config import DataConfig
    from foundation.config import FoundationConfig
    from foundation.settings import settings
    from observability.config import ObservabilityConfig

    groups = {
        "foundation": FoundationConfig, "data": DataConfig, "compute": ComputeKeys,
        "observability": ObservabilityConfig,
    }  # fmt: skip
    return {f"{name}:{setting.key}" for name, keys in groups.items() for setting in settings(keys)}


def reports() -> set[str]:
    """Keys of the JSON that has a schema."""
    found: set[str] = set()
    for path in sorted((ROOT / "docs" / "schemas").glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        found |= {f"{path.stem} {key}" for key in schema["properties"]}
        for name, part in schema.get("$defs", {}).items():
            found |= {f"{path.stem} {name}.{key}" for key in part.get("properties", {})}
    return found


def main() -> None:
    """Write the file."""
    content = {"version": project.tool(), **promises()}
    FILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
