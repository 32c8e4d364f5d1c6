"""The functions against an independent implementation of DynamoDB and SQS, through botocore with its validation on."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from aggregate.counting import Counter
from aggregate.handler import Aggregate
from ingest.handler import Ingest
from ingest.messages import Redrive
from ingest.store import EventStore
from query.handler import Query
from query.reading import Reader
from shared.aws import AwsError
from shared.deadline import Deadline
from tests.lambdas.samples import deadline, event_text, sqs_batch, stream_record


class BotocoreCaller:
    """Calls operations through botocore."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        del deadline
        try:
            return getattr(self._client, re.sub(r"(?<=.)([A-Z])", r"_\1", operation).lower())(**request)
        except ClientError as error:
            details: Any = error.response
            raise AwsError(operation, details["Error"]["Code"], details["Error"]["Message"], 400, details) from error


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        for table, keys in {"events": ["event_key"], "marks": ["event_key"], "aggregates": ["series", "hour"]}.items():
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": k, "KeyType": t} for k, t in zip(keys, ["HASH", "RANGE"], strict=False)],
            )
        yield dynamodb


def test_events_flow_from_the_queue_to_the_answer(aws: Any) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="ingest", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    bodies = [event_text("1", {"d": 1.5}), "no event", event_text("1", {"d": 9}), event_text("2", {"d": -2, "a.b#": 1})]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    batch = sqs_batch([message["Body"] for message in received])
    for record, message in zip(batch["Records"], received, strict=True):
        record["receiptHandle"] = message["ReceiptHandle"]

    caller = BotocoreCaller(aws)
    ingest = Ingest(EventStore(caller, "events", 30), Redrive(lambda: BotocoreCaller(sqs), url))
    assert ingest.run(batch, deadline()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    again = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in again] == ["no event"]
    assert ingest.run(batch, deadline()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}

    records = [stream_record(item, number) for number, item in enumerate(aws.scan(TableName="events")["Items"])]
    assert len(records) == 2
    aggregate = Aggregate(Counter(caller, "marks", "aggregates"))
    aggregate.run({"Records": records[:1]}, deadline())
    aggregate.run({"Records": records * 2}, deadline())

    answer = Query(Reader(caller, "aggregates")).run({"type": "flight.departed", "subject": "UA"}, deadline())
    assert answer["totals"]["count"] == 2
    numbers = answer["totals"]["data"]["d"]
    assert (numbers["count"], numbers["sum"], numbers["sum_of_squares"]) == (2, "-0.5", "6.25")
    assert answer["totals"]["data"]["a.b#"]["sum"] == "1"


def test_pages_are_read_to_the_end(aws: Any) -> None:
    caller = BotocoreCaller(aws)
    records = [
        stream_record({"event": {"S": event_text(str(n), {}, time=f"2013-01-0{1 + n // 10}T{n % 10:02}:00:00Z")}}, n)
        for n in range(30)
    ]
    Aggregate(Counter(caller, "marks", "aggregates")).run({"Records": records}, deadline())
    query = Query(Reader(caller, "aggregates"))
    hours, following = [], {}
    while not hours or following:
        answer = query.run(
            {"type": "flight.departed", "limit": 7, "to": "2013-01-03T09:00:00Z", **following}, deadline()
        )
        hours += [bucket["hour"] for bucket in answer["buckets"]]
        following = {"next": answer["next"]} if "next" in answer else {}
    assert hours == [f"2013-01-0{1 + n // 10}T{n % 10:02}:00:00Z" for n in range(29)]


def test_a_missing_table_is_an_error_of_the_function(aws: Any) -> None:
    ingest = Ingest(EventStore(BotocoreCaller(aws), "gone", 30), Redrive(lambda: BotocoreCaller(aws), "https://queue"))
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        ingest.run(sqs_batch([event_text()]), deadline())
