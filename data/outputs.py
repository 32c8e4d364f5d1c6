"""Outputs of the data layer for the layers above."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from foundation.model import Catalog
from foundation.upstream import Upstream


@dataclass(frozen=True, kw_only=True)
class TableOutputs:
    """Outputs of a table; `billing` is `on-demand` or `provisioned`, `stream_arn` is empty without a stream."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    stream_arn: pulumi.Output[str]
    billing: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class QueueOutputs:
    """Outputs of a queue and its dead-letter queue; `visibility_seconds` is its visibility timeout."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    url: pulumi.Output[str]
    dead_letter_name: pulumi.Output[str]
    dead_letter_arn: pulumi.Output[str]
    dead_letter_url: pulumi.Output[str]
    visibility_seconds: pulumi.Output[int]


@dataclass(frozen=True, kw_only=True)
class DataOutputs:
    """Tables and queues by the names they have in the catalog."""

    tables: Mapping[str, TableOutputs]
    queues: Mapping[str, QueueOutputs]

    def export(self) -> None:
        """Export the stack's outputs."""
        pulumi.export("tables", {name: vars(table) for name, table in self.tables.items()})
        pulumi.export("queues", {name: vars(queue) for name, queue in self.queues.items()})

    @classmethod
    def from_stack(cls, reader: str, catalog: Catalog) -> "DataOutputs":
        """Return the outputs as layer `reader` reads them."""
        upstream = Upstream(reader, "data")
        return cls(
            tables={table.name: upstream.read(TableOutputs, "tables", table.name) for table in catalog.tables},
            queues={queue.name: upstream.read(QueueOutputs, "queues", queue.name) for queue in catalog.queues},
        )
