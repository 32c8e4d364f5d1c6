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
from ingest.messages import Delays
from ingest.store import EventStore
from query.handler import Query
from query.reading import Reader
from shared.aws import AwsError
from shared.dead_letters import DeadLetterQueue
from shared.deadline import Deadline
from tests.support.fake_dynamodb import KEYS
from tests.support.samples import deadline, event_text, sqs_batch, stream_record


class BotocoreCaller:
    """Calls operations through botocore."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        del deadline
        if operation == "BatchExecuteStatement":
            return {
                "Responses": [self._insert(each["Statement"], each["Parameters"]) for each in request["Statements"]]
            }
        try:
            return getattr(self._client, re.sub(r"(?<=.)([A-Z])", r"_\1", operation).lower())(**request)
        except ClientError as error:
            details: Any = error.response
            raise AwsError(operation, details["Error"]["Code"], details["Error"]["Message"], 400, details) from error

    def _insert(self, statement: str, parameters: list[Any]) -> dict[str, Any]:
        """Do an INSERT as a conditional Put: moto's own PartiQL takes no parameters and replaces duplicates."""
        table = statement.split('"')[1]
        item = dict(zip(re.findall(r"'(\w+)': \?", statement), parameters, strict=True))
        try:
            self._client.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(event_key)")
        except ClientError as error:
            code = error.response["Error"]["Code"].replace("ConditionalCheckFailedException", "DuplicateItem")
            return {"Error": {"Code": code.removesuffix("Exception"), "Message": error.response["Error"]["Message"]}}
        return {"TableName": table}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        for table, keys in KEYS.items():
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
    dead = DeadLetterQueue(lambda: BotocoreCaller(sqs), sqs.create_queue(QueueName="dead")["QueueUrl"])
    ingest = Ingest(EventStore(caller, "events", 30), dead, Delays(lambda: BotocoreCaller(sqs), url))
    for copies in (1, 2):
        assert ingest.run(batch, deadline()) == {"batchItemFailures": []}
        messages = sqs.receive_message(
            QueueUrl=sqs.get_queue_url(QueueName="dead")["QueueUrl"], MaxNumberOfMessages=10,
            MessageAttributeNames=["All"], VisibilityTimeout=0,
        )["Messages"]  # fmt: skip
        assert [message["Body"] for message in messages] == ["no event"] * copies
    assert "not JSON" in messages[0]["MessageAttributes"]["ErrorMessage"]["StringValue"]

    records = [stream_record(item, number) for number, item in enumerate(aws.scan(TableName="events")["Items"])]
    assert len(records) == 2
    aggregate = Aggregate(Counter(caller, "pages", "aggregates", 100), dead)
    aggregate.run({"Records": records[:1]}, deadline())
    aggregate.run({"Records": records * 2}, deadline())

    answer = Query(Reader(caller, "aggregates")).run({"type": "flight.departed", "subject": "UA"}, deadline())
    assert answer["totals"]["count"] == 2
    numbers = answer["totals"]["data"]["d"]
    assert (numbers["count"], numbers["sum"], numbers["sum_of_squares"]) == (2, "-0.5", "6.25")
    assert answer["totals"]["data"]["a.b#"]["sum"] == "1"
