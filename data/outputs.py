"""Outputs of the data layer for the layers above."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

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
        """Writes the stack's outputs."""
        pulumi.export("tables", {name: vars(table) for name, table in self.tables.items()})
        pulumi.export("queues", {name: vars(queue) for name, queue in self.queues.items()})

    @classmethod
    def from_stack(cls, reader: str, catalog: Catalog) -> "DataOutputs":
        """The outputs as the layer `reader` sees them."""
        upstream = Upstream(reader, "data")
        tables = {table.name: _table(partial(upstream.require, "tables", table.name)) for table in catalog.tables}
        queues = {queue.name: _queue(partial(upstream.require, "queues", queue.name)) for queue in catalog.queues}
        return cls(tables=tables, queues=queues)


def _table(of: Callable[[str], pulumi.Output[Any]]) -> TableOutputs:
    return TableOutputs(
        name=of("name"),
        arn=of("arn"),
        stream_arn=of("stream_arn"),
        billing=of("billing"),
    )


def _queue(of: Callable[[str], pulumi.Output[Any]]) -> QueueOutputs:
    return QueueOutputs(
        name=of("name"),
        arn=of("arn"),
        url=of("url"),
        dead_letter_name=of("dead_letter_name"),
        dead_letter_arn=of("dead_letter_arn"),
        dead_letter_url=of("dead_letter_url"),
        visibility_seconds=of("visibility_seconds"),
    )
