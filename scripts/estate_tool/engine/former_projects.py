"""Stacks from the time when the projects were called foundation, data, compute and observability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core.errors import UsageError
from foundation.layers import LAYER_NAMES, project

if TYPE_CHECKING:
    from collections.abc import Container

    from estate_tool.engine.cli import Pulumi


def refuse(pulumi: Pulumi, present: Container[str]) -> None:
    """Raises UsageError, with the commands that rename them, where a layer without a stack has one of the former name.

    `present` are the layers that have a stack.
    """
    if all(layer in present for layer in LAYER_NAMES):
        return
    former = {layer: name for layer, name in pulumi.former().items() if layer not in present}
    if former:
        commands = [
            f"scripts/estate pulumi stack rename {_renamed(layer, name)} --stack {name} --cwd {layer}"
            for layer, name in former.items()
        ]
        raise UsageError(
            f"environment {pulumi.stack} is deployed under the former names of the projects: "
            f"{', '.join(former.values())}; nothing was touched",
            "\n".join(["rename its stacks, which changes nothing in AWS, then run the same command again:", *commands]),
        )


def _renamed(layer: str, name: str) -> str:
    organisation, _, stack = name.split("/")
    return f"{organisation}/{project(layer)}/{stack}"
