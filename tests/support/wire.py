"""DynamoDB's charges for events, counted by a server that answers over HTTP.

The functions are the real ones with their own client, the naive design uses boto3; neither can tell what is counted.
The units follow from the sizes of items (tests/support/fake_dynamodb.py; worked out by hand in tests/unit/support).
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from aggregate.counting import Counter as EventCounter
from aggregate.handler import Aggregate
from ingest.handler import Ingest
from ingest.messages import Delays
from ingest.store import EventStore
from shared.aws import AwsClient
from shared.dead_letters import DeadLetterQueue
from shared.events import parse
from shared.keys import series_key
from shared.logs import logger
from tests.support import stub_aws
from tests.support.fake_dynamodb import FakeDynamoDB, size_of
from tests.support.samples import deadline, sqs_batch, stream_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INGEST_BATCH, STREAM_BATCH = 500, 1000
"""Largest batches of the catalog's triggers."""
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@dataclass
class Charged:
    """Write units and halves of read units by table, requests by operation."""

    written: Counter[str] = field(default_factory=Counter)
    half_read: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def units(self) -> int:
        """Write units of all tables."""
        return self.written.total()


class Wire:
    """A DynamoDB behind HTTP with the functions and the naive design at it."""

    def __init__(self) -> None:
        self.dynamodb = FakeDynamoDB()
        self._requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._shards: list[list[dict[str, Any]]] = []
        self._address = ""

    @contextmanager
    def serving(self, shards: int = 1) -> Iterator[Wire]:
        """Answer on loopback, with a stream of so many shards; what the functions log is left out meanwhile."""
        level = logger.level
        logger.setLevel("CRITICAL")
        with stub_aws.here(self._answer) as address:
            client = AwsClient("dynamodb", {**_KEYS, "AWS_ENDPOINT_URL": address})
            dead = DeadLetterQueue(lambda: client, "https://dead")
            self._ingest = Ingest(EventStore(client, "events", 400), dead, Delays(lambda: client, "https://queue"))
            counters = [EventCounter(client, "pages", "aggregates", 100) for _ in range(shards)]
            self._aggregates = [Aggregate(counter, dead) for counter in counters]
            self._shards = [[] for _ in range(shards)]
            self._address = address
            try:
                yield self
            finally:
                logger.setLevel(level)

    def _answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._requests[operation] += 1
            return self.dynamodb.answer(operation, request)

    def charged(self) -> Charged:
        """Return the charges since the last call."""
        found = Charged(self.dynamodb.written.copy(), self.dynamodb.read.copy(), self._requests.copy())
        self.dynamodb.written.clear()
        self.dynamodb.read.clear()
        self._requests.clear()
        return found

    def ingest(self, texts: Sequence[str], size: int = INGEST_BATCH) -> None:
        """Call ingest with batches of the texts; the stream gets the stored ones."""
        for start in range(0, len(texts), size):
            before = len(self.dynamodb.tables["events"])
            batch = sqs_batch(texts[start : start + size])
            assert self._ingest.run(batch, deadline()) == {"batchItemFailures": []}
            for item in list(self.dynamodb.tables["events"].values())[before:]:
                self._shards[int(item["event_key"]["S"], 16) % len(self._shards)].append(stream_record(item))

    def aggregate(self, size: int = STREAM_BATCH) -> None:
        """Call aggregate with batches of the stream from its start, the shards by turns."""
        longest = max(map(len, self._shards))
        for start in range(0, longest, size):
            for function, records in zip(self._aggregates, self._shards, strict=True):
                if batch := records[start : start + size]:
                    function.run({"Records": batch}, deadline())

    def trim(self) -> None:
        """Empty the stream."""
        for records in self._shards:
            records.clear()

    def boto3(self) -> Any:
        """Return a boto3 client."""
        return boto3.client(
            "dynamodb", endpoint_url=self._address, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test",
        )  # fmt: skip

    def naive(self, texts: Sequence[str]) -> None:
        """Store and count each event on its own, by boto3: a put, then a transaction of a mark and two updates."""
        client = self.boto3()
        for text in texts:
            event = parse(text)
            item = {"event_key": {"S": event.key}, "event": {"S": text}, "expires_at": {"N": "1700000000"}}
            client.put_item(
                TableName="events", Item=item, ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": "event_key"},
            )  # fmt: skip
            mark = {"page": {"S": event.key}, "expires_at": item["expires_at"]}
            put: dict[str, Any] = {
                "TableName": "pages", "Item": mark, "ConditionExpression": "attribute_not_exists(#page)",
                "ExpressionAttributeNames": {"#page": "page"},
            }  # fmt: skip
            updates = [_update(event.type, subject, event.hour, event.measures) for subject in (event.subject, None)]
            client.transact_write_items(TransactItems=[{"Put": put}, *updates])

    def stored_bytes(self) -> int:
        """Bytes that are billed for what the tables hold: each item has 100 bytes more than its size."""
        return sum(size_of(item) + 100 for table in self.dynamodb.tables.values() for item in table.values())


def _update(event_type: str, subject: str | None, hour: str, measures: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {"count": "1"}
    for name, value in measures.items():
        numbers |= {f"count:{name}": "1", f"sum:{name}": f"{value:f}", f"squares:{name}": f"{value * value:f}"}
    settings = {"type": event_type} | ({} if subject is None else {"subject": subject})
    names = {f"#{name}": name for name in settings} | {f"#{place}": name for place, name in enumerate(numbers)}
    values: dict[str, Any] = {f":{name}": {"S": text} for name, text in settings.items()}
    values |= {f":{place}": {"N": number} for place, number in enumerate(numbers.values())}
    set_to, added = (f"#{name} = :{name}" for name in settings), (f"#{place} :{place}" for place in range(len(numbers)))
    return {
        "Update": {
            "TableName": "aggregates",
            "Key": {"series": {"S": series_key(event_type, subject)}, "hour": {"S": hour}},
            "UpdateExpression": f"SET {', '.join(set_to)} ADD {', '.join(added)}",
            "ExpressionAttributeNames": names, "ExpressionAttributeValues": values,
        }
    }  # fmt: skip
