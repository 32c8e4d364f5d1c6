"""The embedded AWS: where a program that is right on AWS relies on it, it behaves like AWS."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.cloud import (
    depth,
    items,
    make_function,
    make_queue,
    make_role,
    make_table,
    received,
    send,
    zipped,
)
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws

POLL_QUEUE = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
READ_STREAM = ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"]

SAVE_BODIES = """
import boto3, json, os
dynamodb = boto3.client("dynamodb")
def handle(event, context):
    for record in event["Records"]:
        dynamodb.put_item(TableName=os.environ["TABLE"], Item={
            "id": {"S": record["body"]}, "batch": {"N": str(len(event["Records"]))},
            "receives": {"N": record["attributes"]["ApproximateReceiveCount"]}})
"""


def variables(**values: str) -> dict[str, Any]:
    return {"Environment": {"Variables": values}}


def test_a_transaction_is_allowed_by_the_actions_it_is_made_of(embedded_aws: EmbeddedAws) -> None:
    table, table_arn, _ = make_table(embedded_aws)
    other, other_arn, _ = make_table(embedded_aws)
    code = f"""
import boto3
dynamodb = boto3.client("dynamodb")
def handle(event, context):
    dynamodb.transact_write_items(TransactItems=[
        {{"Put": {{"TableName": "{table}", "Item": {{"id": {{"S": "a"}}}}}}}},
        {{"Update": {{"TableName": "{other}", "Key": {{"id": {{"S": "b"}}}},
                     "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {{":one": {{"N": "1"}}}}}}}}])
    return "written"
"""
    enough = make_role(embedded_aws, (["dynamodb:PutItem"], [table_arn]), (["dynamodb:UpdateItem"], [other_arn]))
    short = make_role(embedded_aws, (["dynamodb:PutItem"], [table_arn, other_arn]))
    functions = embedded_aws.client("lambda")

    allowed = functions.invoke(FunctionName=make_function(embedded_aws, enough, code))
    refused = functions.invoke(FunctionName=make_function(embedded_aws, short, code))

    assert json.loads(allowed["Payload"].read()) == "written"
    assert "AccessDenied" in json.loads(refused["Payload"].read())["errorMessage"]
    assert items(embedded_aws, other)["b"]["n"] == {"N": "1"}


@pytest.mark.parametrize(
    ("first", "second", "total"),
    [
        ("12345678901234567890123456789012345678", "1", "12345678901234567890123456789012345679"),
        ("0.1", "1234567890123456789012345678901234567", "1234567890123456789012345678901234567.1"),
        ("99999999999999999999999999999999999999", "1", "100000000000000000000000000000000000000"),
        ("1.5", "1.5", "3"),
        ("0.1", "-0.1", "0"),
    ],
)
def test_additions_are_exact(embedded_aws: EmbeddedAws, first: str, second: str, total: str) -> None:
    table, _, _ = make_table(embedded_aws)
    dynamodb = embedded_aws.client("dynamodb")
    for value in (first, second):
        dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Update": {
                        "TableName": table, "Key": {"id": {"S": "sum"}}, "UpdateExpression": "ADD n :v",
                        "ExpressionAttributeValues": {":v": {"N": value}},
                    }
                }
            ]
        )  # fmt: skip

    assert items(embedded_aws, table)["sum"]["n"] == {"N": total}


def test_a_sum_that_38_digits_cannot_hold_is_refused(embedded_aws: EmbeddedAws) -> None:
    table, _, _ = make_table(embedded_aws)
    dynamodb = embedded_aws.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"id": {"S": "sum"}, "n": {"N": "1e50"}})

    with pytest.raises(ClientError, match="Number overflow"):
        dynamodb.update_item(
            TableName=table, Key={"id": {"S": "sum"}}, UpdateExpression="ADD n :v",
            ExpressionAttributeValues={":v": {"N": "1"}},
        )  # fmt: skip


class Consumer:
    """A queue, a function that consumes it, and the table into which the function writes."""

    def __init__(self, aws: EmbeddedAws, code: str = SAVE_BODIES, timeout: int = 20, **attributes: str) -> None:
        self.aws = aws
        self.table, table_arn, _ = make_table(aws)
        self.url, self.queue = make_queue(aws, **attributes)
        self.role = make_role(aws, (POLL_QUEUE, [self.queue]), (["dynamodb:PutItem"], [table_arn]))
        self.function = make_function(aws, self.role, code, Timeout=timeout, **variables(TABLE=self.table))

    def consume(self, **more: Any) -> str:
        return map_queue(self.aws, self.function, self.queue, **more)

    def send(self, *bodies: str) -> None:
        send(self.aws, self.url, list(bodies))

    def seen(self) -> dict[str, dict[str, Any]]:
        return items(self.aws, self.table)

    def depth(self) -> tuple[int, int]:
        return depth(self.aws, self.url)


def test_a_queue_mapping_takes_large_batches_through_the_alias(embedded_aws: EmbeddedAws) -> None:
    consumer = Consumer(embedded_aws, VisibilityTimeout="60")
    # $LATEST is broken from here on; the alias still points to version 1.
    embedded_aws.client("lambda").update_function_code(
        FunctionName=consumer.function, ZipFile=b"PK\x05\x06" + bytes(18)
    )
    consumer.send(*(f"message-{i}" for i in range(120)))

    consumer.consume(BatchSize=100, MaximumBatchingWindowInSeconds=1)

    expect_soon(lambda: len(consumer.seen()) == 120, "every message is an item")
    assert max(int(item["batch"]["N"]) for item in consumer.seen().values()) == 100
    expect_soon(lambda: consumer.depth() == (0, 0), "the queue is empty")


REPORT_BODIES = """
import boto3, json, os, time
dynamodb = boto3.client("dynamodb")
def handle(event, context):
    failed = []
    for record in event["Records"]:
        dynamodb.put_item(TableName=os.environ["TABLE"], Item={
            "id": {"S": record["body"] + "/" + record["attributes"]["ApproximateReceiveCount"]},
            "at": {"N": str(time.time())}, "message": {"S": record["messageId"]}})
        if record["body"].startswith("poison"):
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
"""


def map_queue(aws: EmbeddedAws, name: str, arn: str, **more: Any) -> str:
    mapping = aws.client("lambda").create_event_source_mapping(
        FunctionName=f"{name}:live", EventSourceArn=arn,
        **{"BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"], **more},
    )  # fmt: skip
    uuid: str = mapping["UUID"]
    return uuid


def test_a_failed_message_comes_back_after_its_timeout_and_ends_in_the_dead_letter_queue(
    embedded_aws: EmbeddedAws,
) -> None:
    dead_url, dead_arn = make_queue(embedded_aws)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    consumer = Consumer(embedded_aws, REPORT_BODIES, 3, VisibilityTimeout="3", RedrivePolicy=redrive)

    consumer.consume()
    consumer.send("good", "poison")

    (dead,) = expect_soon(lambda: received(embedded_aws, dead_url), "the poison message is in the dead-letter queue")
    seen = consumer.seen()
    assert set(seen) == {"good/1", "poison/1", "poison/2"}
    # The timeout of 3 s runs from the delivery, of which the first one had to start the function.
    assert float(seen["poison/2"]["at"]["N"]) - float(seen["poison/1"]["at"]["N"]) > 1
    assert dead["MessageId"] == seen["poison/1"]["message"]["S"]
    assert dead["Body"] == "poison"
    assert consumer.depth() == (0, 0)


@pytest.mark.parametrize(
    "response",
    ['{"batchItemFailures": [{"itemIdentifier": ""}]}', '{"batchItemFailures": [{"itemIdentifier": "no-such-id"}]}',
     '{"batchItemFailures": [{"itemId": "x"}]}', '"not a dictionary"'],
)  # fmt: skip
def test_a_malformed_batch_response_fails_the_whole_batch(embedded_aws: EmbeddedAws, response: str) -> None:
    url, queue_arn = make_queue(embedded_aws, VisibilityTimeout="30")
    role = make_role(embedded_aws, (POLL_QUEUE, [queue_arn]))
    name = make_function(embedded_aws, role, f"import json\ndef handle(e, c):\n    return json.loads('''{response}''')")
    mapping = map_queue(embedded_aws, name, queue_arn)
    send(embedded_aws, url, ["a", "b"])

    expect_soon(lambda: depth(embedded_aws, url)[1] == 2, "both messages are in flight")
    functions = embedded_aws.client("lambda")
    expect_soon(
        lambda: functions.get_event_source_mapping(UUID=mapping)["LastProcessingResult"] != "No records processed",
        "the batch was processed",
    )
    assert depth(embedded_aws, url) == (0, 2)


def test_a_throttled_function_loses_no_message(embedded_aws: EmbeddedAws) -> None:
    consumer = Consumer(embedded_aws, timeout=2, VisibilityTimeout="2")
    functions = embedded_aws.client("lambda")
    functions.put_function_concurrency(FunctionName=consumer.function, ReservedConcurrentExecutions=0)
    consumer.consume()
    consumer.send("patient")

    functions.put_function_concurrency(FunctionName=consumer.function, ReservedConcurrentExecutions=2)

    expect_soon(lambda: "patient" in consumer.seen(), "the message was processed when there was room")


def test_messages_sent_while_others_are_deleted_are_not_lost(embedded_aws: EmbeddedAws) -> None:
    consumer, bodies = Consumer(embedded_aws, VisibilityTimeout="60"), {f"message-{i}" for i in range(400)}
    consumer.consume()
    consumer.send(*bodies)
    expect_soon(lambda: consumer.seen().keys() == bodies, "every message is an item", 60)


def test_a_mapping_needs_the_roles_permissions_and_a_queue_that_waits_long_enough(embedded_aws: EmbeddedAws) -> None:
    _, queue_arn = make_queue(embedded_aws, VisibilityTimeout="5")
    _, _, stream_arn = make_table(embedded_aws, stream=True)
    code = "def handle(e, c): pass"
    nothing = make_function(embedded_aws, make_role(embedded_aws), code, Timeout=5)
    slow = make_function(embedded_aws, make_role(embedded_aws, (POLL_QUEUE, [queue_arn])), code, Timeout=6)
    functions = embedded_aws.client("lambda")

    with pytest.raises(ClientError, match="permissions to call ReceiveMessage on SQS"):
        map_queue(embedded_aws, nothing, queue_arn)
    with pytest.raises(ClientError, match="less than Function timeout: 6 seconds"):
        map_queue(embedded_aws, slow, queue_arn)
    with pytest.raises(ClientError, match="batch window in seconds must be greater than 0"):
        map_queue(embedded_aws, slow, queue_arn, BatchSize=100)
    with pytest.raises(ClientError, match="Cannot access stream"):
        functions.create_event_source_mapping(
            FunctionName=nothing, EventSourceArn=stream_arn, StartingPosition="TRIM_HORIZON"
        )


def test_a_role_that_loses_its_permission_stops_the_mapping_until_it_has_it_again(embedded_aws: EmbeddedAws) -> None:
    consumer = Consumer(embedded_aws)
    mapping = consumer.consume()
    iam, role_name = embedded_aws.client("iam"), consumer.role.rpartition("/")[2]
    document = iam.get_role_policy(RoleName=role_name, PolicyName="allowed")["PolicyDocument"]
    functions = embedded_aws.client("lambda")

    iam.delete_role_policy(RoleName=role_name, PolicyName="allowed")
    expect_soon(
        lambda: "may not read" in functions.get_event_source_mapping(UUID=mapping)["LastProcessingResult"],
        "the mapping reports that it may not read",
    )
    consumer.send("later")
    assert consumer.depth() == (1, 0)
    iam.put_role_policy(RoleName=role_name, PolicyName="allowed", PolicyDocument=json.dumps(document))

    expect_soon(lambda: "later" in consumer.seen(), "the message was processed")


# Writes down each record with how often it was seen and in which call; fails by the table `rules`.
RECORD_STREAM = """
import boto3, json, os, time
dynamodb = boto3.client("dynamodb")
calls = 0
def handle(event, context):
    global calls
    calls += 1
    failed = []
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]["id"]["S"]
        dynamodb.update_item(TableName=os.environ["TABLE"], Key={"id": {"S": key}},
            UpdateExpression="ADD seen :one SET size = :size",
            ExpressionAttributeValues={":one": {"N": "1"}, ":size": {"N": str(len(event["Records"]))}})
        if key.startswith("poison"):
            if os.environ["MODE"] == "raise":
                raise ValueError("poison")
            failed.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    return {"batchItemFailures": failed}
"""


class Stream:
    """A table with a stream, a function that follows it, and what the function wrote down."""

    def __init__(self, aws: EmbeddedAws, mode: str = "report") -> None:
        self.aws = aws
        self.source, _, self.stream_arn = make_table(aws, stream=True)
        self.seen_table, seen_arn, _ = make_table(aws)
        self.failures_url, self.failures_arn = make_queue(aws)
        role = make_role(
            aws, (READ_STREAM, [self.stream_arn]), (["dynamodb:UpdateItem"], [seen_arn]),
            (["sqs:SendMessage"], [self.failures_arn]),
        )  # fmt: skip
        self.function = make_function(aws, role, RECORD_STREAM, **variables(TABLE=self.seen_table, MODE=mode))

    def write(self, *names: str) -> None:
        for name in names:
            self.aws.client("dynamodb").put_item(TableName=self.source, Item={"id": {"S": name}})

    def follow(self, **more: Any) -> str:
        settings = {
            "BatchSize": 10, "StartingPosition": "TRIM_HORIZON", "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "DestinationConfig": {"OnFailure": {"Destination": self.failures_arn}}, "MaximumRetryAttempts": 2, **more,
        }  # fmt: skip
        mapping: str = self.aws.client("lambda").create_event_source_mapping(
            FunctionName=f"{self.function}:live", EventSourceArn=self.stream_arn, **settings
        )["UUID"]
        return mapping

    def seen(self) -> dict[str, int]:
        return {name: int(item["seen"]["N"]) for name, item in items(self.aws, self.seen_table).items()}

    def failure(self) -> dict[str, Any]:
        (message,) = expect_soon(lambda: received(self.aws, self.failures_url), "a failure record")
        account: dict[str, Any] = json.loads(message["Body"])
        return account

    def numbers(self) -> dict[str, str]:
        """The sequence number of each item's record."""
        streams = self.aws.client("dynamodbstreams")
        shard = streams.describe_stream(StreamArn=self.stream_arn)["StreamDescription"]["Shards"][0]["ShardId"]
        iterator = streams.get_shard_iterator(
            StreamArn=self.stream_arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = streams.get_records(ShardIterator=iterator)["Records"]
        return {r["dynamodb"]["Keys"]["id"]["S"]: r["dynamodb"]["SequenceNumber"] for r in records}


def test_a_reported_failure_of_a_stream_is_retried_from_there_and_then_sent_to_its_destination(
    embedded_aws: EmbeddedAws,
) -> None:
    stream = Stream(embedded_aws)
    stream.write("a", "b", "poison", "c")

    stream.follow()

    account = stream.failure()
    stream.write("d")
    expect_soon(lambda: "d" in stream.seen(), "the stream went on")
    assert stream.seen() == {"a": 1, "b": 1, "poison": 3, "c": 3, "d": 1}
    numbers, batch = stream.numbers(), account["DDBStreamBatchInfo"]
    assert account["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert account["requestContext"]["approximateInvokeCount"] == 3
    assert account["requestContext"]["functionArn"].endswith(f":function:{stream.function}:live")
    assert account["responseContext"] == {"statusCode": 200, "executedVersion": "1", "functionError": None}
    assert (batch["startSequenceNumber"], batch["endSequenceNumber"]) == (numbers["poison"], numbers["c"])
    assert (batch["batchSize"], batch["streamArn"]) == (2, stream.stream_arn)


def test_a_raised_error_splits_the_batch_until_only_the_poison_is_given_up(embedded_aws: EmbeddedAws) -> None:
    stream = Stream(embedded_aws, mode="raise")
    stream.write(*(f"before-{i}" for i in range(5)), "poison", *(f"after-{i}" for i in range(5)))

    stream.follow(BisectBatchOnFunctionError=True, BatchSize=11)

    batch = stream.failure()["DDBStreamBatchInfo"]
    assert (batch["batchSize"], batch["startSequenceNumber"]) == (1, stream.numbers()["poison"])
    expect_soon(lambda: len(stream.seen()) == 11, "the other ten were processed")


def test_a_raised_error_without_bisecting_discards_the_batch_after_the_retries(
    embedded_aws: EmbeddedAws,
) -> None:
    stream = Stream(embedded_aws, mode="raise")
    stream.write("a", "poison", "b")

    stream.follow(MaximumRetryAttempts=1)

    account = stream.failure()
    assert account["DDBStreamBatchInfo"]["batchSize"] == 3
    assert account["responseContext"]["functionError"] == "Unhandled"
    assert stream.seen() == {"a": 2, "poison": 2}


def test_records_older_than_the_mapping_takes_are_given_up_unseen(embedded_aws: EmbeddedAws) -> None:
    stream = Stream(embedded_aws)
    stream.write("old")
    written = time.time()
    expect_soon(lambda: time.time() - written > 4, "the record is old")

    # AWS takes no less than 60 s, which is too long here.
    stream.follow(MaximumRecordAgeInSeconds=2)
    stream.write("young")

    account = stream.failure()
    assert account["requestContext"]["condition"] == "MaxRecordAgeExceeded"
    assert account["DDBStreamBatchInfo"]["startSequenceNumber"] == stream.numbers()["old"]
    expect_soon(lambda: stream.seen() == {"young": 1}, "only the young record was delivered")


def test_only_inserts_pass_a_filter_for_inserts_in_their_order(embedded_aws: EmbeddedAws) -> None:
    stream = Stream(embedded_aws)
    stream.write("a", "b")
    embedded_aws.client("dynamodb").update_item(
        TableName=stream.source, Key={"id": {"S": "a"}}, UpdateExpression="SET x = :x",
        ExpressionAttributeValues={":x": {"S": "changed"}},
    )  # fmt: skip
    embedded_aws.client("dynamodb").delete_item(TableName=stream.source, Key={"id": {"S": "b"}})
    stream.write("c")

    stream.follow(FilterCriteria={"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]})

    expect_soon(lambda: "c" in stream.seen(), "the last insert was processed")
    assert stream.seen() == {"a": 1, "b": 1, "c": 1}


def test_a_mapping_made_anew_at_the_trim_horizon_delivers_everything_again(embedded_aws: EmbeddedAws) -> None:
    stream = Stream(embedded_aws)
    stream.write("a")
    first = stream.follow()
    expect_soon(lambda: stream.seen() == {"a": 1}, "the first record was processed")
    embedded_aws.client("lambda").delete_event_source_mapping(UUID=first)
    stream.write("b")

    stream.follow()

    expect_soon(lambda: stream.seen() == {"a": 2, "b": 1}, "both records were delivered to the new mapping")


def test_a_mapping_runs_the_version_that_its_alias_points_to_by_then(embedded_aws: EmbeddedAws) -> None:
    consumer, functions = Consumer(embedded_aws), embedded_aws.client("lambda")
    consumer.consume()
    newer, name = SAVE_BODIES.replace('record["body"]}', '"v2-" + record["body"]}'), consumer.function
    version = functions.update_function_code(FunctionName=name, ZipFile=zipped(newer), Publish=True)["Version"]

    consumer.send("first")
    expect_soon(lambda: "first" in consumer.seen(), "the alias still runs version 1")
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    consumer.send("second")

    expect_soon(lambda: "v2-second" in consumer.seen(), "version 2 ran")
