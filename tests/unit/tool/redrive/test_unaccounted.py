"""Events that were stored and never aggregated: found in the table, and brought in."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.commands import redrive
from estate_tool.redrive import unaccounted
from estate_tool.redrive.replay import RateLimit
from estate_tool.redrive.results import MissingResult
from estate_tool.redrive.unaccounted import batches, bring_in, invoke, replay_payload
from tests.support.failed_messages import BATCH, EVENT, event, key
from tests.support.fake_lambda import FakeLambda

if TYPE_CHECKING:
    from collections.abc import Callable


def mark(dynamodb: Any, image: dict[str, Any]) -> None:
    """Mark a stored event as counted; each is a page of its own."""
    record = {"page": image["event_key"], "counted": {"B": b"\x01"}}
    dynamodb.put_item(TableName="table-pages-dev", Item=record)


def aggregation(dynamodb: Any, *refused: str) -> FakeLambda:
    """An aggregation that counts what it is handed, but for what it refuses."""

    def count(payload: Any) -> dict[str, Any]:
        images = [record["dynamodb"]["NewImage"] for record in payload["Records"]]
        good = [image for image in images if image["event_key"]["S"] not in refused]
        for image in good:
            mark(dynamodb, image)
        return {"batchItemFailures": []} if good == images else {"errorType": "BatchFailed", "errorMessage": "1 of 5"}

    return FakeLambda(count)


@pytest.fixture
def stored(estate: Any) -> Callable[..., Any]:
    """The environment with so many events stored, and the last of them as the arguments say."""

    def filled(count: int, **last: dict[str, str]) -> Any:
        dynamodb = estate.client("dynamodb")
        for number in range(count):
            item = {
                "event_key": {"S": key(number).hex()}, "event": {"S": event(number)},
                "received_at": {"S": "2026-01-01T00:00:00Z"}, "expires_at": {"N": str(int(time.time()) + 1000)},
            }  # fmt: skip
            dynamodb.put_item(TableName="table-events-dev", Item=item | (last if number == count - 1 else {}))
        mark(dynamodb, {"event_key": {"S": key(0).hex()}})
        estate.clients["lambda"] = aggregation(dynamodb)
        return estate

    return filled


def missing_of(estate: Any, **how: Any) -> MissingResult:
    result = MissingResult()
    bring_in(estate, RateLimit(None), result, **how)
    return result


def test_all_pages_of_the_table_are_looked_at(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unaccounted, "_ITEMS_PER_PAGE", 2)
    assert vars(missing_of(stored(5))) == vars(MissingResult(scanned=5, missing=4, brought_in=4))


def test_an_expired_event_is_not_brought_in_whose_record_may_be_gone(stored: Any) -> None:
    assert missing_of(stored(3, expires_at={"N": str(int(time.time()) - 1)})).missing == 1


def test_only_what_was_received_when_the_batch_was_is_looked_at(stored: Any) -> None:
    estate = stored(3, received_at={"S": "2026-01-02T00:00:00Z"})
    assert missing_of(estate, arrived=(1767225600.0, 1767225600.0)).scanned == 2


def test_missing_events_are_reported_before_and_after_they_are_brought_in(stored: Any, call: Any) -> None:
    stored(4)
    found = call(redrive, "--missing", "dev", "--dry-run")
    assert (found.code, found.out) == (0, "4 stored events, 3 of them never aggregated\n")
    done = call(redrive, "--missing", "dev")
    assert (done.code, done.out) == (0, "4 stored events, 3 of them never aggregated: 3 brought in\n")
    again = json.loads(call(redrive, "--missing", "dev", "--json").out)
    assert again == {
        "environment": "dev", "dry_run": False, "queues": [],
        "missing": {
            "scanned": 4, "missing": 0, "brought_in": 0, "failed": 0, "error": "", "foreign": 0, "foreign_items": [],
        },
    }  # fmt: skip


def test_items_that_are_no_events_are_counted_named_and_left_alone(stored: Any, call: Any) -> None:
    estate = stored(3)
    for number in range(12):
        item = {"event_key": {"S": f"by hand {number}"}, "event": {"S": "hello"}, "received_at": {"S": "x"}}
        estate.client("dynamodb").put_item(TableName="table-events-dev", Item=item)
    copied = {"event_key": {"S": "ab" * 32}, "event": {"S": EVENT}}
    estate.client("dynamodb").put_item(TableName="table-events-dev", Item=copied)
    for arguments in (["--dry-run"], [], []):
        done = call(redrive, "--missing", "dev", *arguments)
        assert done.code == 0
        first, second, *names = done.out.splitlines()
        assert first.startswith("16 stored events, ")
        assert second == "13 items of the table are no events, left alone:"
        assert len(names) == 11
    assert first == "16 stored events, 0 of them never aggregated: 0 brought in"
    found = json.loads(call(redrive, "--missing", "dev", "--json").out)["missing"]
    assert (found["foreign"], len(found["foreign_items"])) == (13, 10)
    assert {item["key"] for item in found["foreign_items"]} <= {f"by hand {number}" for number in range(12)} | {
        "ab" * 32
    }


def test_missing_events_that_can_not_be_aggregated_are_a_failure(stored: Any, call: Any) -> None:
    estate = stored(3)
    estate.clients["lambda"] = aggregation(estate.client("dynamodb"), key(1).hex())
    done = call(redrive, "--missing", "dev")
    assert done.code == 1
    assert done.out.endswith("2 of them never aggregated: 1 brought in, 1 can't be: BatchFailed: 1 of 5\n")
    assert "error: 1 of 2 events can't be aggregated: BatchFailed: 1 of 5" in done.err
    assert "log group /aws/lambda/lambda-aggregate-dev" in done.err


def test_a_table_without_capacity_is_waited_for_and_other_errors_are_not(
    stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = stored(2)
    dynamodb, scan = estate.client("dynamodb"), estate.client("dynamodb").scan
    errors = [ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "Scan")] * 2

    def throttled(**request: Any) -> Any:
        if errors:
            raise errors.pop()
        return scan(**request)

    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(dynamodb, "scan", throttled)
    assert missing_of(estate, dry_run=True).scanned == 2
    errors.append(ClientError({"Error": {"Code": "AccessDenied"}}, "Scan"))
    with pytest.raises(ClientError, match="AccessDenied"):
        missing_of(estate, dry_run=True)


class Forgetful:
    """A stream that no longer has what is asked of it."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def get_shard_iterator(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetShardIterator")


@pytest.mark.parametrize("refused", [(), (1,)])
def test_a_batch_that_the_stream_has_forgotten_is_brought_in_from_the_table(
    stored: Any, call: Any, refused: tuple[int, ...]
) -> None:
    estate = stored(3, received_at={"S": "2026-02-01T00:00:00Z"})
    estate.clients["dynamodbstreams"] = Forgetful()
    functions = estate.clients["lambda"] = aggregation(
        estate.client("dynamodb"), *(key(number).hex() for number in refused)
    )
    sqs = estate.client("sqs")
    sqs.send_message(
        QueueUrl=sqs.create_queue(QueueName="dlq-aggregate-dev")["QueueUrl"], MessageBody=json.dumps(BATCH)
    )
    done = call(redrive, "aggregate", "dev", "--json")
    # Of three events one is counted, and one came a month later.
    assert len(functions.calls) == 1
    (queue,) = json.loads(done.out)["queues"]
    assert (done.code, queue["replayed"], queue["failed"]) == ((1, 0, 1) if refused else (0, 1, 0))
    assert len(estate.bodies("dlq-aggregate-dev")) == len(refused)


def test_records_are_handed_over_as_lambda_does() -> None:
    record = {"at": datetime(2026, 1, 1, tzinfo=UTC), "x": {"B": b"\x00"}, "y": {"BS": [b"a"]}}
    assert json.loads(replay_payload([record])) == {
        "Records": [{"at": 1767225600.0, "x": {"B": "AA=="}, "y": {"BS": ["YQ=="]}}], "replay": True,
    }  # fmt: skip


def test_an_answer_that_is_no_json_is_quoted(estate: Any) -> None:
    estate.clients["lambda"] = FakeLambda(b"<html>", failing=True)
    assert invoke(estate, "query", b"{}") == "error: '<html>'"


def test_records_are_cut_into_parts_that_each_fit_an_invocation() -> None:
    small = [{"n": number} for number in range(1001)]
    assert [len(part) for part in batches(small)] == [500, 500, 1]
    large = [{"text": "x" * 1_900_000} for _ in range(5)]
    assert [len(part) for part in batches(large)] == [2, 2, 1]
    assert [record for part in batches(small) for record in part] == small
