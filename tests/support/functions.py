"""The three functions around one fake DynamoDB."""

from collections.abc import Mapping, Sequence
from typing import Any

from aggregate.counting import Counter
from aggregate.handler import Aggregate
from ingest.handler import Ingest
from ingest.messages import Delays
from ingest.store import EventStore
from query.handler import Query
from query.reading import Reader
from shared.aws import AwsError
from shared.dead_letters import DeadLetterQueue
from shared.deadline import Deadline
from tests.support.fake_dynamodb import FakeDynamoDB, assert_valid
from tests.support.samples import deadline, sqs_batch, stream_record


class FakeQueue:
    """A queue that takes dead letters and delays, or fails with `error`."""

    def __init__(self) -> None:
        self.dead: list[tuple[str, dict[str, str]]] = []
        """Bodies and attributes."""
        self.delays: dict[str, int] = {}
        self.error: AwsError | None = None
        self.refused: set[str] = set()
        """Bodies that SQS does not take."""

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        if deadline.passed():
            raise AwsError(operation, "OutOfTime", "the invocation has no time left", status=504)
        assert_valid("sqs", operation, request)
        if self.error is not None:
            raise self.error
        entries = request["Entries"]
        assert 1 <= len(entries) <= 10
        assert len({entry["Id"] for entry in entries}) == len(entries)
        return {"SendMessageBatch": self._send, "ChangeMessageVisibilityBatch": self._hide}[operation](request)

    def _send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert request["QueueUrl"] == "https://dead"
        assert sum(map(_bytes, request["Entries"])) <= 1_048_576
        failed = [
            {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
            for entry in request["Entries"]
            if entry["MessageBody"] in self.refused
        ]
        for entry in request["Entries"]:
            if entry["MessageBody"] not in self.refused:
                attributes = {name: value["StringValue"] for name, value in entry["MessageAttributes"].items()}
                self.dead.append((entry["MessageBody"], attributes))
        return {"Successful": [], "Failed": failed}

    def _hide(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert request["QueueUrl"] == "https://queue"
        self.delays |= {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in request["Entries"]}
        return {}


def _bytes(entry: Mapping[str, Any]) -> int:
    attributes = entry["MessageAttributes"].items()
    return len(entry["MessageBody"].encode()) + sum(
        len(name) + sum(len(text.encode()) for text in value.values()) for name, value in attributes
    )


class Estate:
    """Runs batches and questions through the functions as Lambda would."""

    def __init__(self, most_fields: int = 300, look_first: int = 1, *, reuse: bool = False) -> None:
        """Each batch of the stream meets a new sandbox, unless they `reuse` one."""
        self.dynamodb = FakeDynamoDB()
        self.queue = FakeQueue()
        self._reuse = reuse
        self._counting = most_fields, look_first
        dead_letters = DeadLetterQueue(lambda: self.queue, "https://dead")
        store = EventStore(self.dynamodb, "events", 30)
        self._ingest = Ingest(store, dead_letters, Delays(lambda: self.queue, "https://queue"))
        self._dead_letters = dead_letters
        self._aggregate = self._sandbox()
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
        self._aggregate = self._aggregate if self._reuse else self._sandbox()
        self._aggregate.run(payload, deadline(**time))

    def _sandbox(self) -> Aggregate:
        return Aggregate(Counter(self.dynamodb, "pages", "aggregates", *self._counting), self._dead_letters)

    def query(self, event_type: str, **question: Any) -> dict[str, Any]:
        question = {"from" if key == "start" else key: value for key, value in question.items()}
        return self.query_payload({"type": event_type, **question})

    def query_payload(self, payload: object) -> dict[str, Any]:
        return self._query.run(payload, deadline())
