"""Failed events: what they are taken for, which are replayed, and that nothing is deleted before its work is done."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.commands import redrive
from estate_tool.events.counted import CountedEvents
from estate_tool.redrive import queue as queues
from estate_tool.redrive import unaccounted
from estate_tool.redrive.messages import FailedMessage, FailureQueue, Kind, failure_queues, read
from estate_tool.redrive.queue import Sweep
from estate_tool.redrive.replay import Options, Pace
from estate_tool.redrive.results import MissingResult, QueueResult
from estate_tool.redrive.unaccounted import bring_in
from foundation.catalog import CATALOG
from tests.support.failed_messages import AGGREGATE, BATCH, EVENT, INGEST, Reasons, event, key, message
from tests.support.fake_lambda import FakeLambda

if TYPE_CHECKING:
    from collections.abc import Callable


def failed_message(body: str, queue: FailureQueue = INGEST, received: int = 3, **attributes: Any) -> FailedMessage:
    return read(message(body, received, **attributes), queue, Reasons())  # type: ignore[arg-type]


def test_every_failure_queue_of_the_catalog_is_known() -> None:
    of_queues = {(queue.name, CATALOG.consumer(queue.name).name, queue.name) for queue in CATALOG.queues}
    consumers = {function for _, function, _ in of_queues}
    of_functions = {(one.name, one.name, None) for one in CATALOG.functions if one.name not in consumers}
    assert {(queue.name, queue.function, queue.source) for queue in failure_queues()} == of_queues | of_functions


def test_a_valid_message_failed_for_the_reason_in_the_log_and_has_no_count_that_looking_changes() -> None:
    found = failed_message(EVENT, received=9)
    assert (found.kind, found.error, found.event_type, found.attempts) == (Kind.MESSAGE, "AccessDenied", "t", None)
    assert (found.failed_at, found.hopeless) == (1767225600.0, False)


def test_an_invalid_message_can_not_succeed_and_gives_the_reason() -> None:
    found = failed_message("{}")
    assert (found.kind, found.hopeless, found.error) == (Kind.MESSAGE, True, "specversion is missing")


@pytest.mark.parametrize("queue", [INGEST, AGGREGATE])
def test_a_failed_invocation_is_recognized_by_the_attributes_of_lambda_in_every_queue(queue: FailureQueue) -> None:
    found = failed_message('{"a": 1}', queue, RequestID="i", ErrorCode="200", ErrorMessage="boom")
    assert (found.kind, found.payload, found.error, found.hopeless) == (Kind.ASYNC, {"a": 1}, "boom", False)


SCHEDULE = {
    "SCHEDULE_ARN": "arn:aws:scheduler:us-east-1:123456789012:schedule/g/s", "SCHEDULED_TIME": "2026-01-01T00:00:05Z",
    "EXECUTION_ID": "e", "ERROR_CODE": "AccessDeniedException", "ERROR_MESSAGE": "no", "RETRY_ATTEMPTS": "2",
    "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts", "TARGET_ARN": "t", "IS_PAYLOAD_TRUNCATED": "false",
}  # fmt: skip


@pytest.mark.parametrize("time", ["2026-01-01T00:00:05Z", "<aws.scheduler.scheduled-time>"])
def test_a_call_that_a_schedule_gave_up_is_replayed_for_its_time(time: str) -> None:
    found = failed_message(json.dumps({"scheduledTime": time}), AGGREGATE, 3, **SCHEDULE)
    assert (found.kind, found.hopeless, found.error) == (Kind.ASYNC, False, "AccessDeniedException: no")
    assert (json.loads(found.request), found.attempts) == ({"scheduledTime": "2026-01-01T00:00:05Z"}, 3)
    assert found.failed_at == 1767225605.0
    again = {name: value["StringValue"] for name, value in found.attributes("worse").items()}
    after = failed_message(json.dumps({"scheduledTime": time}), AGGREGATE, 3, **again)
    assert (after.kind, after.request, after.error, after.replays) == (Kind.ASYNC, found.request, "worse", 1)


def test_an_account_of_a_failed_invocation_holds_its_payload() -> None:
    body = {"requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3}, "requestPayload": [1]}
    found = failed_message(json.dumps(body | {"responsePayload": {"errorMessage": "boom"}}), AGGREGATE)
    assert (found.kind, found.payload, found.error, found.attempts) == (Kind.ASYNC, [1], "boom", 3)


def test_a_failed_batch_has_the_range_and_time_where_its_records_came() -> None:
    found = failed_message(json.dumps(BATCH), AGGREGATE)
    assert (found.kind, found.error, found.attempts, found.failed_at) == (Kind.STREAM, "AccessDenied", 11, 1767225609.0)
    assert found.batch
    assert (found.batch.first, found.batch.last) == ("1", "5")
    assert found.arrivals == (1767225601.0, 1767225602.0)


@pytest.mark.parametrize("body", ["nothing", "[]", "{}", '{"DDBStreamBatchInfo": {}}'])
def test_what_aws_did_not_put_there_is_left_alone(body: str) -> None:
    found = failed_message(body, AGGREGATE)
    assert (found.kind, found.hopeless) == (Kind.UNKNOWN, True)


def test_a_replay_in_vain_is_counted_and_keeps_when_it_failed_first_and_why_it_failed_last() -> None:
    first = failed_message('{"a": 1}', AGGREGATE, RequestID="i", ErrorCode="200", ErrorMessage="boom")
    attributes = {name: value["StringValue"] for name, value in first.attributes("bad\n\x00 " + "x" * 999).items()}
    again = failed_message('{"a": 1}', AGGREGATE, **attributes)
    assert (again.replays, again.failed_at) == (1, first.failed_at)
    assert again.error.startswith("bad   x")
    assert len(again.error) <= 500


def test_failures_are_held_back_after_so_many_replays() -> None:
    options = Options(most_replays=2)
    assert not options.holds_back(failed_message(EVENT, Replays="1"))
    assert options.holds_back(failed_message(EVENT, Replays="2"))
    assert options.holds_back(failed_message("{}"))


@pytest.mark.parametrize(
    ("options", "matching"),
    [
        (Options(), True), (Options(error="ACCESS"), True), (Options(error="timeout"), False),
        (Options(event_type="t"), True), (Options(event_type="u"), False),
        (Options(since=1767225600.0), True), (Options(since=1767225601.0), False),
        (Options(until=1767225601.0), True), (Options(until=1767225600.0), False),
    ],
)  # fmt: skip
def test_filters_choose_by_error_type_and_time(options: Options, matching: bool) -> None:
    assert options.matches(failed_message(EVENT)) is matching


def test_the_pace_lets_so_many_through_a_second() -> None:
    now, slept = 100.0, list[float]()
    pace = Pace(4, lambda: now, slept.append)
    for count in (1, 1, 2, 1):
        pace.wait(count)
    assert slept == [0.25, 0.5, 1.0]


def test_as_many_errors_as_messages_are_summed_up() -> None:
    result = QueueResult(queue="q")
    for number in range(200):
        odd = failed_message('{"a": 1}', AGGREGATE, RequestID="i", ErrorCode="200", ErrorMessage=f"odd {number}")
        result.record(odd, AGGREGATE, quarantined=False, selected=True)
    assert len(result.reasons) == 51
    assert sum(reason.messages for reason in result.reasons.values()) == 200


def test_records_of_pages_that_could_not_be_read_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        """Reads two pages at a time; all events of the first three pages are counted."""

        exceptions = SimpleNamespace(ClientError=ClientError)

        def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803 (boto3's)
            request = RequestItems["pages"]
            assert request["ConsistentRead"]
            found = [
                {**each, "counted": {"B": b"\xff\x01"}} for each in request["Keys"][:2] if each["page"]["S"] < "p3"
            ]
            return {"Responses": {"pages": found}, "UnprocessedKeys": {"pages": {"Keys": request["Keys"][2:]}}}

    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    items = [
        {"event_key": {"S": f"{n}"}, "page": {"S": f"p{n // 10}"}, "position": {"N": f"{n % 10}"}} for n in range(50)
    ]
    # Of a page of ten, nine are counted; an item without a place is never left out.
    foreign = {"event_key": {"S": "x"}, "page": {"N": "5"}, "position": {"S": "?"}}
    uncounted = CountedEvents(Slow(), "events", "pages").uncounted([*items, foreign])
    assert uncounted == [items[9], items[19], items[29], *items[30:], foreign]
    assert len(pauses) >= 2


@pytest.fixture
def dead(estate: Any) -> Callable[[int], tuple[Any, str]]:
    """Client and address of a failure queue with so many messages."""

    def filled(count: int) -> tuple[Any, str]:
        sqs, url = estate.client("sqs"), estate.queue_url("dlq-ingest-dev")
        for number in range(count):
            sqs.send_message(QueueUrl=url, MessageBody=f"body {number}")
        return sqs, url

    return filled


def test_a_sweep_meets_every_message_once_and_gives_back_what_is_not_done(dead: Any, estate: Any) -> None:
    sqs, url = dead(25)
    with Sweep(sqs, url, 25) as sweep:
        found = list(sweep.messages())
        for done in found[:10]:
            sweep.done(done)
    assert len({one["Body"] for one in found}) == len(found) == 25
    assert sorted(estate.bodies("dlq-ingest-dev")) == sorted(one["Body"] for one in found[10:])


def test_what_is_put_back_is_not_met_again_by_the_same_sweep(dead: Any, estate: Any) -> None:
    sqs, url = dead(3)
    count = {"DataType": "String", "StringValue": "1"}
    with Sweep(sqs, url, 3) as sweep:
        met = 0
        for one in sweep.messages():
            sweep.put_back(one, {"Replays": count})
            met += 1
    assert met == 3
    left = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])["Messages"]
    assert [one["MessageAttributes"] for one in left] == [{"Replays": count}] * 3


def test_messages_stay_hidden_for_as_long_as_a_sweep_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden, again = list[int](), threading.Event()

    class Queue:
        def receive_message(self, **_: Any) -> Any:
            return {"Messages": [message("body")]}

        def change_message_visibility_batch(self, Entries: list[dict[str, Any]], **_: Any) -> None:  # noqa: N803
            hidden.extend(entry["VisibilityTimeout"] for entry in Entries)
            if len(hidden) == 2:
                again.set()

    monkeypatch.setattr(queues, "_HIDDEN_SECONDS", 0.03)
    with Sweep(Queue(), "url", 1) as sweep:
        next(sweep.messages())
        assert again.wait(10)
    assert hidden[:2] == [0.03, 0.03]
    assert hidden[-1] == 0


def test_a_message_that_can_not_be_sent_on_is_not_deleted(dead: Any, estate: Any, monkeypatch: Any) -> None:
    sqs, url = dead(1)
    monkeypatch.setattr(sqs, "send_message", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError), Sweep(sqs, url, 1) as sweep:
        sweep.put_back(next(sweep.messages()), {})
    assert estate.bodies("dlq-ingest-dev") == ["body 0"]


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
    bring_in(estate, Pace(None), result, **how)
    return result


def test_all_pages_of_the_table_are_looked_at(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unaccounted, "_ITEMS_PER_PAGE", 2)
    assert vars(missing_of(stored(5))) == vars(MissingResult(scanned=5, missing=4, brought_in=4))


def test_an_expired_event_is_not_brought_in_whose_record_may_be_gone(stored: Any) -> None:
    assert missing_of(stored(3, expires_at={"N": str(int(time.time()) - 1)})).missing == 1


def test_only_what_was_received_when_the_batch_was_is_looked_at(stored: Any) -> None:
    estate = stored(3, received_at={"S": "2026-01-02T00:00:00Z"})
    assert missing_of(estate, arrived=(1767225600.0, 1767225600.0)).scanned == 2


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ([], ([], "local")), (["dev"], ([], "dev")), (["ingest"], (["ingest"], "local")),
        (["dlq-ingest"], (["ingest"], "local")), (["dlq-aggregate-dev", "dev"], (["aggregate"], "dev")),
        (["query", "local-b"], (["query"], "local-b")),
    ],
)  # fmt: skip
def test_queue_and_environment_are_distinguished(empty_estate: Any, words: list[str], place: Any) -> None:
    assert redrive.where(words) == place


@pytest.mark.parametrize(
    "arguments",
    [["nowhere"], ["nowhere", "dev"], ["ingest", "dev", "x"], ["--missing", "--error", "x"], ["--missing", "ingest"]],
)
def test_what_makes_no_sense_is_refused_before_anything_is_touched(call: Any, estate: Any, arguments: Any) -> None:
    outcome = call(redrive, *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")


def test_chosen_messages_go_one_by_one_and_the_others_stay(call: Any, estate: Any, monkeypatch: Any) -> None:
    sqs, dead = estate.client("sqs"), estate.queue_url("dlq-ingest-dev")
    # moto does not know move tasks.
    monkeypatch.setattr(sqs, "list_message_move_tasks", lambda **_: {"Results": []}, raising=False)
    for body in (EVENT, EVENT.replace('"t"', '"u"'), "poison"):
        sqs.send_message(QueueUrl=dead, MessageBody=body)
    outcome = call(redrive, "ingest", "dev", "--type", "u", "--json")
    answer = json.loads(outcome.out)
    assert (outcome.code, answer["environment"], answer["missing"]) == (0, "dev", None)
    queue = answer["queues"][0]
    assert {name: queue[name] for name in ("queue", "messages", "replayed", "failed", "quarantined", "left")} == {
        "queue": "dlq-ingest-dev", "messages": 3, "replayed": 1, "failed": 0, "quarantined": 1, "left": 2,
    }  # fmt: skip
    assert sum(reason["messages"] for reason in queue["reasons"]) == 3
    moved = sqs.receive_message(QueueUrl=estate.queue_url("queue-ingest-dev"), MessageAttributeNames=["All"])
    assert [one["MessageAttributes"]["Replays"]["StringValue"] for one in moved["Messages"]] == ["1"]


def test_an_environment_without_failure_queues_is_not_deployed(call: Any, empty_estate: Any) -> None:
    for arguments, named in ((["dev"], "no failure queue: it"), (["query", "dev"], "no failure queue query: it")):
        outcome = call(redrive, *arguments)
        assert (outcome.code, outcome.out) == (1, "")
        assert f"environment dev has {named} is not deployed" in outcome.err
        assert "scripts/deploy_all.sh dev" in outcome.err


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


def test_what_somebody_wrote_into_the_table_is_counted_named_and_left_alone(stored: Any, call: Any) -> None:
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
