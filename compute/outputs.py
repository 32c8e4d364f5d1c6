"""Outputs of the compute layer for the layers above."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

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
        """Writes the stack's outputs."""
        pulumi.export("functions", {name: vars(function) for name, function in self.functions.items()})
        if self.urls:
            pulumi.export("urls", dict(self.urls))

    @classmethod
    def from_stack(cls, reader: str, catalog: Catalog) -> "ComputeOutputs":
        """The outputs as the layer `reader` sees them."""
        upstream = Upstream(reader, "compute")
        of = partial(upstream.require, "functions")
        return cls(functions={function.name: _function(partial(of, function.name)) for function in catalog.functions})


def _function(of: Callable[[str], pulumi.Output[Any]]) -> FunctionOutputs:
    return FunctionOutputs(
        name=of("name"),
        alias_name=of("alias_name"),
        alias_arn=of("alias_arn"),
        log_group=of("log_group"),
        failure_queue_arn=of("failure_queue_arn"),
        memory_mb=of("memory_mb"),
        warm_percent=of("warm_percent"),
    )
