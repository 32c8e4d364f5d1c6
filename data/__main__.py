"""The data layer: the tables and queues of the catalog."""

import pulumi

from data import config as configuration
from data.outputs import DataOutputs, QueueOutputs, TableOutputs
from data.queues import DeadLetteredQueue, DeadLetteredQueueArgs
from data.tables import ScalingTable, ScalingTableArgs
from foundation.catalog import CATALOG
from foundation.model import Queue, Table
from foundation.naming import Names, Tags
from foundation.outputs import FoundationOutputs
from foundation.program import load, load_foundation


def main() -> None:
    """Registers the layer's resources and exports its outputs."""
    config = load("data", configuration.DataConfig, configuration.parse)
    environment = load_foundation()
    names, tags = environment.names, environment.tags
    FoundationOutputs.from_stack("data").require_suffix(environment.suffix)
    tables = {table.name: _table(table, config, names, tags) for table in CATALOG.tables}
    queues = {queue.name: _queue(queue, names, tags) for queue in CATALOG.queues}
    DataOutputs(tables=tables, queues=queues).export()


def _table(table: Table, config: configuration.DataConfig, names: Names, tags: Tags) -> TableOutputs:
    built = ScalingTable(
        f"table-{table.name}",
        ScalingTableArgs(
            table=table,
            physical_name=names.table(table.name),
            tags=tags.of("data", table.name),
            on_demand=config.on_demand,
            point_in_time_recovery=config.point_in_time_recovery,
        ),
    )
    billing = pulumi.Output.from_input(built.billing)
    return TableOutputs(name=built.name, arn=built.arn, stream_arn=built.stream_arn, billing=billing)


def _queue(queue: Queue, names: Names, tags: Tags) -> QueueOutputs:
    built = DeadLetteredQueue(
        f"queue-{queue.name}",
        DeadLetteredQueueArgs(
            queue=queue,
            consumer=CATALOG.consumer(queue.name),
            physical_name=names.queue(queue.name),
            dead_letter_name=names.dead_letter_queue(queue.name),
            tags=tags.of("data", queue.name),
        ),
    )
    return QueueOutputs(
        name=built.name,
        arn=built.arn,
        url=built.url,
        dead_letter_name=built.dead_letter_name,
        dead_letter_arn=built.dead_letter_arn,
        dead_letter_url=built.dead_letter_url,
        visibility_seconds=built.visibility_seconds,
    )


if __name__ == "__main__":
    main()
