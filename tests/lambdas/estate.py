"""The three functions around one fake DynamoDB."""

from collections.abc import Mapping, Sequence
from typing import Any

from aggregate.counting import Counter
from aggregate.handler import Aggregate
from ingest.handler import Ingest
from ingest.messages import Redrive
from ingest.store import EventStore
from query.handler import Query
from query.reading import Reader
from shared.aws import AwsError
from shared.deadline import Deadline
from tests.lambdas.fake_dynamodb import FakeDynamoDB, assert_valid
from tests.lambdas.samples import deadline, sqs_batch, stream_record


class FakeQueue:
    """Takes changes of visibility, or fails as told."""

    def __init__(self) -> None:
        self.visible: list[str] = []
        self.error: AwsError | None = None

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        del deadline
        assert_valid("sqs", operation, request)
        assert (operation, request["QueueUrl"]) == ("ChangeMessageVisibilityBatch", "https://queue")
        if self.error is not None:
            raise self.error
        assert len(request["Entries"]) <= 10
        assert len({entry["Id"] for entry in request["Entries"]}) == len(request["Entries"])
        assert all(entry["VisibilityTimeout"] == 0 for entry in request["Entries"])
        self.visible += [entry["ReceiptHandle"] for entry in request["Entries"]]
        return {}


class Estate:
    """Runs batches and questions through the functions as Lambda would."""

    def __init__(self) -> None:
        self.dynamodb = FakeDynamoDB()
        self.queue = FakeQueue()
        self._ingest = Ingest(EventStore(self.dynamodb, "events", 30), Redrive(lambda: self.queue, "https://queue"))
        self._aggregate = Aggregate(Counter(self.dynamodb, "marks", "aggregates"))
        self._query = Query(Reader(self.dynamodb, "aggregates"))

    def ingest(self, bodies: Sequence[str], **time: int) -> list[str]:
        """Return the ids of the messages to be delivered again: m0 is the first body's."""
        failures = self.ingest_payload(sqs_batch(bodies), **time)["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in failures]

    def ingest_payload(self, payload: object, **time: int) -> dict[str, Any]:
        return self._ingest.run(payload, deadline(**time))

    def stream(self) -> list[dict[str, Any]]:
        """Return the stream of the events table."""
        return [stream_record(item, number) for number, item in enumerate(self.dynamodb.items("events"), 100)]

    def aggregate(self, records: Sequence[Mapping[str, Any]], **time: int) -> None:
        self.aggregate_payload({"Records": list(records)}, **time)

    def aggregate_payload(self, payload: object, **time: int) -> None:
        self._aggregate.run(payload, deadline(**time))

    def query(self, event_type: str, **question: Any) -> dict[str, Any]:
        question = {"from" if key == "start" else key: value for key, value in question.items()}
        return self.query_payload({"type": event_type, **question})

    def query_payload(self, payload: object) -> dict[str, Any]:
        return self._query.run(payload, deadline())
