"""All layers as one Pulumi program: the estate without layers. Run by the engine.

MONOLITH_LAYERS names the layers, in order.
"""

import importlib
import os

import pulumi

from foundation.layers import project

_exported: dict[str, dict[str, object]] = {}


class _Reference:
    """A reference to another stack, answered by the exports of its layer in this one."""

    def __init__(self, name: str) -> None:
        self.outputs = pulumi.Output.from_input(_exported[name.split("/")[1]])


pulumi.StackReference = _Reference  # pyright: ignore[reportAttributeAccessIssue]
for layer in os.environ["MONOLITH_LAYERS"].split():
    pulumi.export = _exported.setdefault(project(layer), {}).__setitem__  # pyright: ignore[reportAttributeAccessIssue]
    importlib.import_module(f"{layer}.__main__").main()
