"""The amounts that tables, queues and log groups hold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.rollout.data_held import LOG_GROUP, QUEUE, TABLE, Held, held
from tests.unit.tool.conftest import stubbed_client

if TYPE_CHECKING:
    from tests.unit.tool.conftest import Estate

GROUP = "/aws/lambda/lambda-a-dev"


def test_items_are_counted(estate: Estate) -> None:
    assert str(held(estate.client, TABLE, "table-pages-dev")) == "0 items"
    assert not held(estate.client, TABLE, "table-pages-dev")
    for key in ("a", "b"):
        estate.client("dynamodb").put_item(TableName="table-pages-dev", Item={"page": {"S": key}})
    assert held(estate.client, TABLE, "table-pages-dev") == Held(unit="items", count=2)


@pytest.mark.parametrize(("page", "known", "count"), [(7, 1200, 1200), (7, 0, 7)])
def test_a_large_table_is_not_read_to_its_end(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, page: int, known: int, count: int
) -> None:
    dynamodb = estate.client("dynamodb")
    monkeypatch.setattr(dynamodb, "scan", lambda **_: {"Count": page, "LastEvaluatedKey": {}})
    monkeypatch.setattr(dynamodb, "describe_table", lambda **_: {"Table": {"ItemCount": known}})
    amount = held(estate.client, TABLE, "table-pages-dev")
    assert (amount.count, amount.bound) == (count, "at least")
    assert "6 hours" in str(amount)


def test_messages_on_their_way_count_too(estate: Estate) -> None:
    sqs, url = estate.client("sqs"), estate.queue_url("queue-ingest-dev")
    for delay in (0, 0, 600):
        sqs.send_message(QueueUrl=url, MessageBody="m", DelaySeconds=delay)
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)
    assert held(estate.client, QUEUE, "queue-ingest-dev") == Held(unit="messages", count=3)
    assert str(held(estate.client, QUEUE, "dlq-ingest-dev")) == "0 messages"


def test_logs_are_reported_by_their_size(estate: Estate) -> None:
    logs = estate.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_group(logGroupName=f"{GROUP}-2")
    assert not held(estate.client, LOG_GROUP, GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    # A stream, and no size yet: AWS counts with a delay.
    assert held(estate.client, LOG_GROUP, GROUP).count is None
    now = int(time.time() * 1000)
    for age_days in (0, 8):
        event = {"timestamp": now - age_days * 86_400_000, "message": "x" * 600}
        logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=[event])
    assert "KB of logs" in str(held(estate.client, LOG_GROUP, GROUP))
    assert not held(estate.client, LOG_GROUP, f"{GROUP}-2")


@pytest.mark.parametrize(("age_days", "keep_days", "lost"), [(8, 7, True), (6, 7, False), (0, 1, False)])
def test_a_shorter_retention_loses_what_is_older(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, age_days: int, keep_days: int, lost: bool
) -> None:
    logs = estate.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    event = {"timestamp": int((time.time() - age_days * 86_400 - 60) * 1000), "message": "old"}
    logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=[event])
    amount = held(estate.client, LOG_GROUP, GROUP, keep_days * 86_400)
    assert bool(amount) is lost
    assert (amount.bound == "up to") is lost


@pytest.mark.parametrize(
    ("type_", "name"), [(TABLE, "table-gone-dev"), (QUEUE, "queue-gone-dev"), (LOG_GROUP, "/aws/lambda/gone")]
)
def test_what_can_not_be_found_is_unknown_and_not_empty(estate: Estate, type_: str, name: str) -> None:
    amount = held(estate.client, type_, name)
    assert amount
    assert (amount.count, amount.gone) == (None, True)
    assert "there is no such" in str(amount)


def test_what_may_not_be_looked_at_is_unknown_unless_aws_has_a_count_of_its_own() -> None:
    for item_count, expected in ((5, (5, "about")), (0, (None, ""))):
        client, stub = stubbed_client("dynamodb")
        stub.add_client_error("scan", "AccessDeniedException", "not authorized to perform: dynamodb:Scan")
        stub.add_response("describe_table", {"Table": {"ItemCount": item_count}})
        amount = held(lambda _, found=client: found, TABLE, "table-a-dev")  # type: ignore[misc]
        assert (amount.count, amount.bound) == expected
        assert amount
    assert "dynamodb:Scan" in amount.problem
    sqs, stub = stubbed_client("sqs")
    stub.add_client_error("get_queue_url", "AccessDenied", "no")
    assert held(lambda _: sqs, QUEUE, "q").count is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Held(unit="items", count=49), "49 items"),
        (Held(unit="messages", count=1), "1 message"),
        (Held(unit="items", count=1_200_000, bound="at least"), "at least 1,200,000 items"),
        (Held(unit="bytes", count=1_240_000, bound="up to"), "up to 1.2 MB of logs"),
        (Held(unit="bytes", count=12), "12 bytes of logs"),
        (Held(unit="items", count=None, problem="denied"), "an unknown number of items (denied)"),
    ],
)
def test_an_amount_in_words(amount: Any, text: str) -> None:
    assert str(amount) == text
