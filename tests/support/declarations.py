"""A small valid catalog to bend, and strategies for the names that are valid."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from foundation.grants import ActionGrant
from foundation.model import (
    Capacity,
    Catalog,
    Function,
    Queue,
    QueueTrigger,
    ScheduleTrigger,
    StreamTrigger,
    Table,
    TableGrant,
)
from foundation.naming import Arns, Names
from foundation.secrets import Secret, SecretGrant
from foundation.urls import FunctionUrl

ITEMS = Table(
    name="items",
    hash_key="id",
    stream=True,
    ttl_attribute="expires_at",
    read=Capacity(minimum=2, maximum=20, target_percent=60),
    write=Capacity(minimum=3, maximum=30, target_percent=80),
)
TOTALS = Table(name="totals", hash_key="id", range_key="hour")
INBOX = Queue(name="inbox")
STORE = Function(
    name="store",
    handler="store.handler.handle",
    description="Stores messages.",
    timeout_seconds=30,
    trigger=QueueTrigger(queue="inbox"),
    grants=(TableGrant(table="items", access=("put",)),),
)
COUNT = Function(
    name="count",
    handler="count.handler.handle",
    description="Counts items.",
    timeout_seconds=60,
    trigger=StreamTrigger(table="items"),
    grants=(TableGrant(table="totals", access=("get", "update")),),
)
READ = Function(
    name="read",
    handler="read.handler.handle",
    description="Reads totals.",
    timeout_seconds=5,
    grants=(TableGrant(table="totals", access=("query",)),),
    critical=True,
)
SWEEP = Function(
    name="sweep",
    handler="sweep.handler.handle",
    description="Sweeps at times.",
    timeout_seconds=20,
    trigger=ScheduleTrigger(expression="rate(5 minutes)", input={"all": True}),
)
CATALOG = Catalog(tables=(ITEMS, TOTALS), queues=(INBOX,), functions=(STORE, COUNT, READ))
# A function with every kind of grant, and its secrets.
_KEY = "arn:{partition}:kms:{region}:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SECRETS = (
    Secret(name="api-key", parameter="/shop/{suffix}/api-key", key=_KEY),
    Secret(name="token", secret="shop/{suffix}/token", key=_KEY),
)
CALLER = Function(
    name="caller",
    handler="caller.handler.handle",
    description="Calls a partner.",
    timeout_seconds=10,
    grants=(
        *(SecretGrant(secret=secret.name) for secret in SECRETS),
        ActionGrant(
            actions=("ses:SendEmail",), resources=("arn:{partition}:ses:{region}:{account}:identity/example.com",)
        ),
        ActionGrant(actions=("s3:GetObject", "s3:PutObject"), resources=("arn:{partition}:s3:::reports-{suffix}/*",)),
    ),
)

ARNS = Arns(names=Names("dev"), account="123456789012", region="us-east-1")
TAGS = {"Project": "estate", "Layer": "some", "Component": "thing"}

# Names that look like those of other alarms' subjects, with everything a catalog can hold.
SAMPLE = Catalog(
    tables=(
        Table(
            name="a",
            hash_key="k",
            stream=True,
            ttl_attribute="expires_at",
            read=Capacity(minimum=1, maximum=40),
            write=Capacity(minimum=2, maximum=90),
        ),
        Table(name="a-read", hash_key="k"),
    ),
    queues=(Queue(name="a", retention_days=7), Queue(name="b")),
    functions=(
        Function(
            name="a", handler="a.handler.handle", description="", timeout_seconds=30, trigger=QueueTrigger(queue="a")
        ),
        Function(
            name="queue-a",
            handler="b.handler.handle",
            description="",
            timeout_seconds=20,
            trigger=QueueTrigger(queue="b"),
        ),
        Function(
            name="table-a",
            handler="c.handler.handle",
            description="",
            timeout_seconds=60,
            trigger=StreamTrigger(table="a"),
            grants=(TableGrant(table="a-read", access=("get", "put")),),
        ),
        Function(
            name="dlq-a",
            handler="d.handler.handle",
            description="",
            timeout_seconds=10,
            critical=True,
            reserved_concurrency=20,
        ),
        Function(
            name="table-a-read",
            handler="e.handler.handle",
            description="",
            timeout_seconds=900,
            url=FunctionUrl(invokers=("arn:{partition}:iam::{account}:role/web",)),
        ),
        replace(SWEEP, name="schedule-a"),
        replace(SWEEP, name="a-target", trigger=ScheduleTrigger(expression="cron(0 6 * * ? *)")),
    ),
)


def with_function(function: Function, **changes: Any) -> Catalog:
    """The catalog with one of its functions changed, or with one more when it has none of that name."""
    changed = replace(function, **changes)
    others = tuple(item for item in CATALOG.functions if item.name != function.name)
    return replace(CATALOG, functions=(*others, changed))


def with_table(table: Table, **changes: Any) -> Catalog:
    """The catalog with one of its tables changed."""
    others = tuple(item for item in CATALOG.tables if item.name != table.name)
    return replace(CATALOG, tables=(*others, replace(table, **changes)))


def suffixes() -> st.SearchStrategy[str]:
    """Every shape of a valid suffix, the longest included."""
    return _hyphenated().map(lambda text: text[:16].strip("-"))


def catalog_names() -> st.SearchStrategy[str]:
    """Every shape of a name that the catalog accepts, the longest included."""
    return _hyphenated().map(lambda text: f"p{text}"[:24].strip("-"))


def _hyphenated() -> st.SearchStrategy[str]:
    part = st.text("abcxyz0189", min_size=1, max_size=12)
    return st.lists(part, min_size=1, max_size=5).map("-".join)
