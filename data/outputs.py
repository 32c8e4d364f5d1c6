"""Outputs of the data layer for the layers that read it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from foundation.model import Catalog
from foundation.upstream import Upstream


@dataclass(frozen=True, kw_only=True)
class TableOutputs:
    """One table; `billing` is `on-demand` or `provisioned`, `stream_arn` is empty without a stream."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    stream_arn: pulumi.Output[str]
    billing: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class QueueOutputs:
    """One queue and its dead-letter queue; `visibility_seconds` is how long one try of a message may take."""

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
        """Writes the stack's outputs."""
        pulumi.export("tables", {name: vars(table) for name, table in self.tables.items()})
        pulumi.export("queues", {name: vars(queue) for name, queue in self.queues.items()})

    @classmethod
    def from_stack(cls, reader: str, catalog: Catalog) -> "DataOutputs":
        """The outputs as the layer `reader` sees them."""
        upstream = Upstream(reader, "data")
        tables = {
            table.name: TableOutputs(
                **{key: upstream.require("tables", table.name, key) for key in TableOutputs.__dataclass_fields__}
            )
            for table in catalog.tables
        }
        queues = {
            queue.name: QueueOutputs(
                **{key: upstream.require("queues", queue.name, key) for key in QueueOutputs.__dataclass_fields__}
            )
            for queue in catalog.queues
        }
        return cls(tables=tables, queues=queues)
