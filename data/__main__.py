"""The data layer: the tables and queues of the catalog."""

from data import config as configuration
from data.outputs import DataOutputs
from data.queues import DeadLetteredQueue, DeadLetteredQueueArgs
from data.tables import ScalingTable, ScalingTableArgs
from foundation.catalog import CATALOG
from foundation.outputs import FoundationOutputs
from foundation.program import load, load_foundation


def main() -> None:
    """Register the layer's resources and export its outputs."""
    config = load("data", configuration.DataConfig, configuration.parse)
    environment = load_foundation()
    names, tags = environment.names, environment.tags
    FoundationOutputs.from_stack("data").require_suffix(environment.suffix)
    tables = {
        table.name: ScalingTable(
            f"table-{table.name}",
            ScalingTableArgs(
                table=table,
                names=names,
                tags=tags.of("data", table.name),
                on_demand=config.on_demand,
                point_in_time_recovery=config.point_in_time_recovery,
            ),
        ).outputs
        for table in CATALOG.tables
    }
    queues = {
        queue.name: DeadLetteredQueue(
            f"queue-{queue.name}",
            DeadLetteredQueueArgs(
                queue=queue, consumer=CATALOG.consumer(queue.name), names=names, tags=tags.of("data", queue.name)
            ),
        ).outputs
        for queue in CATALOG.queues
    }
    DataOutputs(tables=tables, queues=queues).export()


if __name__ == "__main__":
    main()
