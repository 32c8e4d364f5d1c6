"""Outputs of the compute layer for the layers above."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from foundation.model import Catalog
from foundation.upstream import Upstream


@dataclass(frozen=True, kw_only=True)
class FunctionOutputs:
    """Outputs of a function: its alias, log group, dead-letter queue and memory in MB.

    Without its version, which would change with every change of code. `warm_percent` is the target utilization of
    provisioned concurrency of critical functions, 0 without any.
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
    """Functions by their names in the catalog, and the URLs of those that have one; no layer reads URLs."""

    functions: Mapping[str, FunctionOutputs]
    urls: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)

    def export(self) -> None:
        """Export the stack's outputs."""
        pulumi.export("functions", {name: vars(function) for name, function in self.functions.items()})
        if self.urls:
            pulumi.export("urls", dict(self.urls))

    @classmethod
    def from_stack(cls, reader: str, catalog: Catalog) -> "ComputeOutputs":
        """Return the outputs as layer `reader` reads them."""
        upstream = Upstream(reader, "compute")
        names = [function.name for function in catalog.functions]
        return cls(functions={name: upstream.read(FunctionOutputs, "functions", name) for name in names})
