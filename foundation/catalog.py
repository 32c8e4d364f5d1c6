"""The catalog: every table, queue and function of the estate, declared once. Add a function here and a handler file."""

from foundation.model import (
    Capacity,
    Catalog,
    Function,
    Queue,
    QueueGrant,
    QueueTrigger,
    StreamTrigger,
    Table,
    TableGrant,
)

EVENT_RETENTION_DAYS = 400
# Most field names of an aggregate (a type, a subject, an hour); a long one counts once per 128 bytes begun.
MAX_FIELDS = 100

CATALOG = Catalog(
    tables=(
        # Every accepted event once, by (source, id); its stream feeds the aggregation.
        Table(
            name="events",
            hash_key="event_key",
            stream=True,
            ttl_attribute="expires_at",
            read=Capacity(minimum=5, maximum=500),
            write=Capacity(minimum=5, maximum=500),
        ),
        # Events of each page that are in the aggregates already: counting is exactly-once by it.
        Table(
            name="pages",
            hash_key="page",
            ttl_attribute="expires_at",
            read=Capacity(minimum=1, maximum=100),
            write=Capacity(minimum=1, maximum=500),
        ),
        # Hourly totals per type and subject, and per type.
        Table(
            name="aggregates",
            hash_key="series",
            range_key="hour",
            read=Capacity(minimum=1, maximum=100),
            write=Capacity(minimum=1, maximum=500),
        ),
    ),
    queues=(Queue(name="ingest"),),
    functions=(
        Function(
            name="ingest",
            handler="ingest.handler.handle",
            description="Validates events from the ingest queue and stores each once.",
            timeout_seconds=10,
            trigger=QueueTrigger(queue="ingest", batch_size=500, window_seconds=1, maximum_concurrency=10),
            grants=(
                TableGrant(table="events", access=("insert", "read")),
                QueueGrant(queue="ingest", access=("release",)),
            ),
            environment={"RETENTION_DAYS": str(EVENT_RETENTION_DAYS)},
        ),
        Function(
            name="aggregate",
            handler="aggregate.handler.handle",
            description="Adds stored events to the hourly aggregates, exactly once.",
            timeout_seconds=60,
            # The handler disposes of poison; other events are retried as long as the stream has them.
            trigger=StreamTrigger(table="events", batch_size=1000, window_seconds=1, retries=-1),
            grants=(
                TableGrant(table="pages", access=("read", "put")),
                TableGrant(table="aggregates", access=("update",)),
            ),
            environment={"MAX_FIELDS": str(MAX_FIELDS)},
        ),
        Function(
            name="query",
            handler="query.handler.handle",
            description="Returns hourly buckets and totals of a type of events.",
            timeout_seconds=10,
            grants=(TableGrant(table="aggregates", access=("query",)),),
            critical=True,
        ),
    ),
)
