"""Outputs of the compute layer for the layers that read it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from foundation.model import Catalog
from foundation.upstream import Upstream


@dataclass(frozen=True, kw_only=True)
class FunctionOutputs:
    """One function, its alias, where its logs and failures go, and its size.

    Without its version: that changes with every change of code, which nobody above needs to follow.
    `warm_percent` is the use of warm environments that autoscaling aims at; it means something for critical functions,
    and is 0 where none are kept.
    """

    name: pulumi.Output[str]
    alias_name: pulumi.Output[str]
    alias_arn: pulumi.Output[str]
    log_group: pulumi.Output[str]
    failure_queue_arn: pulumi.Output[str]
    memory_mb: pulumi.Output[int]
    warm_percent: pulumi.Output[int]


@dataclass(frozen=True, kw_only=True)
class ComputeOutputs:
    """Functions by the names they have in the catalog."""

    functions: Mapping[str, FunctionOutputs]

    def export(self) -> None:
        """Writes the stack's outputs."""
        pulumi.export("functions", {name: vars(function) for name, function in self.functions.items()})

    @classmethod
    def from_stack(cls, reader: str, catalog: Catalog) -> "ComputeOutputs":
        """The outputs as the layer `reader` sees them."""
        upstream = Upstream(reader, "compute")
        functions = {
            function.name: FunctionOutputs(
                **{
                    key: upstream.require("functions", function.name, key)
                    for key in FunctionOutputs.__dataclass_fields__
                }
            )
            for function in catalog.functions
        }
        return cls(functions=functions)
