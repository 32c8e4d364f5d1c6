"""`estate redrive` on failure queues in moto: what it replays, deletes and reports."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.commands import redrive
from estate_tool.redrive import move_task
from estate_tool.redrive.messages import FailedMessage, read
from estate_tool.redrive.replay import Options, RateLimit
from estate_tool.redrive.results import QueueResult
from tests.support.failed_messages import BATCH, EVENT, INGEST, Reasons, event, key, message
from tests.support.fake_lambda import FakeLambda

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.tool.conftest import Estate


def stored_item(number: str) -> dict[str, Any]:
    """An item as ingest stores it."""
    return {"event_key": {"S": key(number).hex()}, "event": {"S": event(number)}}


PAYLOAD = {"type": "flight", "subject": "EWR"}
OTHER = EVENT.replace('"t"', '"u"')


class MoveTasks:
    """SQS's move tasks, which moto lacks: a task moves everything when it starts."""

    def __init__(self, estate: Estate, *, under_way: int = 0) -> None:
        self._estate = estate
        self.started: list[dict[str, Any]] = []
        self.states: list[tuple[str, int]] = [("RUNNING", 0), ("COMPLETED", under_way)] if under_way else []

    def list(self, **_: Any) -> dict[str, Any]:
        if not self.states:
            return {}
        status, moved = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"Results": [{"Status": status, "ApproximateNumberOfMessagesMoved": moved}]}

    def start(self, **request: Any) -> None:
        self.started.append(request)
        bodies = self._estate.bodies("dlq-ingest-dev")
        for body in bodies:
            self._estate.client("sqs").send_message(
                QueueUrl=self._estate.queue_url("queue-ingest-dev"), MessageBody=body
            )
        self.states = [("COMPLETED", len(bodies))]


@pytest.fixture
def tasks(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> Callable[..., MoveTasks]:
    def prepared(**how: Any) -> MoveTasks:
        fake, sqs = MoveTasks(estate, **how), estate.client("sqs")
        monkeypatch.setattr(sqs, "list_message_move_tasks", fake.list)
        monkeypatch.setattr(sqs, "start_message_move_task", fake.start)
        monkeypatch.setattr(move_task, "_PAUSE_SECONDS", 0)
        return fake

    return prepared


@pytest.fixture
def failed(estate: Estate) -> Callable[..., None]:
    """Put messages into a failure queue, as it was deployed."""

    def put(name: str, *bodies: str, **attributes: str) -> None:
        sqs = estate.client("sqs")
        url = sqs.create_queue(QueueName=f"dlq-{name}-dev")["QueueUrl"]
        values = {attribute: {"DataType": "String", "StringValue": value} for attribute, value in attributes.items()}
        for body in bodies:
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=values)

    return put


def counts(done: Any) -> dict[str, Any]:
    (queue,) = json.loads(done.out)["queues"]
    return {name: queue[name] for name in ("messages", "replayed", "failed", "quarantined", "left", "way")}


@pytest.mark.parametrize(
    ("flags", "pace"), [((), {}), (("--rate", "5000"), {"MaxNumberOfMessagesPerSecond": 500})], ids=["fast", "rate"]
)
def test_messages_that_may_all_go_back_are_moved_by_sqs_itself(
    estate: Estate, call: Any, tasks: Any, failed: Any, flags: tuple[str, ...], pace: dict[str, int]
) -> None:
    fake = tasks()
    failed("ingest", EVENT, EVENT)
    done = call(redrive, "ingest", "dev", *flags)
    assert done.code == 0
    (task,) = fake.started
    queues = {name: arn.rpartition(":")[2] for name, arn in task.items() if name not in pace}
    assert queues == {"SourceArn": "dlq-ingest-dev", "DestinationArn": "queue-ingest-dev"}
    assert pace.items() <= task.items()
    assert estate.bodies("queue-ingest-dev") == [EVENT, EVENT]
    first, reason = done.out.splitlines()
    assert first == "dlq-ingest-dev: 2 messages, 2 replayed by a move task of SQS, 0 left"
    assert reason.startswith("  2 × ingest (message) ")
    assert reason.endswith(": a valid event that could not be stored; the reason is no longer in the log")


def test_a_move_that_is_under_way_is_followed_and_no_other_started(call: Any, tasks: Any, failed: Any) -> None:
    fake = tasks(under_way=7)
    failed("ingest", EVENT)
    assert counts(call(redrive, "ingest", "dev", "--json")) == {
        "messages": 7, "replayed": 7, "failed": 0, "quarantined": 0, "left": 0,
        "way": "a move task of SQS that was under way",
    }  # fmt: skip
    assert fake.started == []


@pytest.mark.parametrize(("flags", "replayed"), [((), [EVENT, OTHER]), (("--type", "u"), [OTHER])])
def test_messages_go_back_one_by_one_where_not_all_of_them_can(
    estate: Estate, call: Any, tasks: Any, failed: Any, flags: tuple[str, ...], replayed: list[str]
) -> None:
    fake = tasks()
    failed("ingest", EVENT, OTHER, "poison")
    done = call(redrive, "ingest", "dev", *flags, "--json")
    answer = json.loads(done.out)
    assert (done.code, answer["environment"], answer["missing"], fake.started) == (0, "dev", None, [])
    assert answer["queues"][0]["queue"] == "dlq-ingest-dev"
    assert sum(reason["messages"] for reason in answer["queues"][0]["reasons"]) == 3
    assert counts(done) == {
        "messages": 3, "replayed": len(replayed), "failed": 0, "quarantined": 1, "left": 3 - len(replayed), "way": "",
    }  # fmt: skip
    moved = estate.client("sqs").receive_message(
        QueueUrl=estate.queue_url("queue-ingest-dev"), MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )["Messages"]
    assert sorted(one["Body"] for one in moved) == sorted(replayed)
    assert {one["MessageAttributes"]["Replays"]["StringValue"] for one in moved} == {"1"}
    assert sorted(estate.bodies("dlq-ingest-dev")) == sorted({EVENT, OTHER, "poison"} - {*replayed})


def test_a_dry_run_explains_every_queue_and_touches_none(estate: Estate, call: Any, failed: Any) -> None:
    failed("ingest", EVENT, "poison")
    failed("query", json.dumps(PAYLOAD), RequestID="i", ErrorCode="200", ErrorMessage="boom", Replays="1")
    failed("aggregate")
    functions = estate.clients["lambda"] = FakeLambda()
    done = call(redrive, "dev", "--dry-run")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == [
        "dlq-ingest-dev: 2 messages, 1 would be replayed, 1 in quarantine, 2 left",
        "dlq-aggregate-dev: empty",
        "dlq-query-dev: 1 message, 1 would be replayed, 1 left",
    ]
    assert any(
        line.endswith('Z [quarantined]: the event is not JSON: Expecting value at character 1 of "poison"')
        for line in lines
    )
    assert lines[-1].endswith("Z, replayed 1 time before: boom")
    assert functions.payloads == []
    assert len(estate.bodies("dlq-ingest-dev")) == 2


def test_a_failure_that_fails_again_is_back_with_its_latest_error_until_it_is_held_back(
    estate: Estate, call: Any, failed: Any
) -> None:
    functions = estate.clients["lambda"] = FakeLambda({"errorType": "Odd", "errorMessage": "still"})
    failed("query", json.dumps(PAYLOAD), RequestID="i", ErrorCode="200", ErrorMessage="boom")
    first = call(redrive, "query", "dev", "--attempts", "2")
    assert first.code == 1
    assert "1 failure failed again and is back in the failure queue" in first.err
    assert "scripts/estate redrive dev --dry-run" in first.err
    assert first.out.startswith("dlq-query-dev: 1 message, 0 replayed, 1 failed again, 1 left\n")
    second = counts(call(redrive, "query", "dev", "--attempts", "2", "--json"))
    assert (second["failed"], second["quarantined"]) == (1, 1)
    third = call(redrive, "query", "dev", "--attempts", "2", "--json")
    assert third.code == 0
    assert (counts(third)["replayed"], counts(third)["failed"], counts(third)["left"]) == (0, 0, 1)
    (reason,) = json.loads(third.out)["queues"][0]["reasons"]
    assert (reason["error"], reason["replays"], reason["quarantined"]) == ("Odd: still", 2, True)
    assert len(functions.payloads) == 2


class Streams:
    """A stream whose records have these names, numbers and images."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, *records: tuple[str, str, dict[str, Any]]) -> None:
        self._records = records

    def get_shard_iterator(self, **_: Any) -> dict[str, str]:
        return {"ShardIterator": "i"}

    def get_records(self, **_: Any) -> dict[str, Any]:
        return {
            "Records": [
                {"eventName": name, "dynamodb": {"SequenceNumber": number, "NewImage": image}}
                for name, number, image in self._records
            ]
        }


def test_a_failed_batch_is_read_from_the_stream_and_its_new_events_are_handed_over(
    estate: Estate, call: Any, failed: Any
) -> None:
    functions = estate.clients["lambda"] = FakeLambda({"batchItemFailures": []})
    images = {number: stored_item(number) for number in "1356"}
    estate.clients["dynamodbstreams"] = Streams(
        ("INSERT", "1", images["1"]), ("REMOVE", "3", images["3"]),
        ("INSERT", "4", {"event_key": {"S": "note-to-self"}, "event": {"S": EVENT}}),
        ("INSERT", "5", images["5"]), ("INSERT", "6", images["6"]),
    )  # fmt: skip
    failed("aggregate", json.dumps(BATCH))
    done = call(redrive, "aggregate", "dev", "--json")
    ((function, payload),) = functions.payloads
    assert function == "lambda-aggregate-dev"
    # Neither the deleted one, nor one that is no event, nor one after the batch.
    assert [record["dynamodb"] for record in payload["Records"]] == [
        {"SequenceNumber": number, "NewImage": images[number]} for number in ("1", "5")
    ]
    (queue,) = json.loads(done.out)["queues"]
    assert (done.code, queue["replayed"], queue["failed"], queue["left"], queue["foreign"]) == (0, 1, 0, 0, 1)
    assert queue["foreign_items"] == [{"key": "note-to-self", "reason": "its key is none of an event"}]
    assert estate.bodies("dlq-aggregate-dev") == []


def test_a_failed_invocation_is_made_again_byte_for_byte_and_then_deleted(
    estate: Estate, call: Any, failed: Any
) -> None:
    functions = estate.clients["lambda"] = FakeLambda({})
    number = "0.12345678901234567890123456789e-400"
    failed("query", f'{{"a":  {number}}}', "null", RequestID="i", ErrorCode="200")
    failed("query", json.dumps({"requestPayload": "PAYLOAD"}).replace('"PAYLOAD"', f'{{"a": [{number}, 1]}}'))
    assert call(redrive, "query", "dev", "--json").code == 0
    assert sorted(call["Payload"] for call in functions.calls) == sorted(
        [f'{{"a":  {number}}}'.encode(), b"null", f'{{"a": [{number}, 1]}}'.encode()]
    )
    assert {call["FunctionName"] for call in functions.calls} == {"lambda-query-dev"}
    assert estate.bodies("dlq-query-dev") == []


def test_one_message_that_aws_refuses_keeps_no_other_from_being_replayed(
    estate: Estate, call: Any, tasks: Any, failed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks()
    failed("ingest", EVENT, event(2), "poison")
    sqs, send = estate.client("sqs"), estate.client("sqs").send_message

    def refusing(**request: Any) -> Any:
        if request["MessageBody"] == EVENT:
            raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": "too long"}}, "SendMessage")
        return send(**request)

    monkeypatch.setattr(sqs, "send_message", refusing)
    done = call(redrive, "ingest", "dev", "--json")
    (queue,) = json.loads(done.out)["queues"]
    assert (done.code, queue["replayed"], queue["failed"], queue["left"]) == (1, 1, 1, 2)
    assert "too long" in queue["refusals"][0]
    assert sorted(estate.bodies("dlq-ingest-dev")) == sorted([EVENT, "poison"])


def test_a_batch_of_which_items_fail_again_is_put_back(estate: Estate, call: Any, failed: Any) -> None:
    estate.clients["lambda"] = FakeLambda({"batchItemFailures": [{"itemIdentifier": "5"}]})
    estate.clients["dynamodbstreams"] = Streams(*(("INSERT", number, stored_item(number)) for number in "15"))
    failed("aggregate", json.dumps(BATCH))
    done = call(redrive, "aggregate", "dev", "--json")
    assert (done.code, counts(done)["failed"], counts(done)["left"]) == (1, 1, 1)
    again = json.loads(call(redrive, "aggregate", "dev", "--dry-run", "--json").out)["queues"][0]["reasons"]
    assert [(reason["error"], reason["replays"]) for reason in again] == [("1 item of the batch failed again", 1)]


@pytest.mark.parametrize("arguments", [["--since", "yesterday"], ["--rate", "0"], ["--attempts", "x"]])
def test_values_that_are_none_are_wrong_usage(call: Any, capsys: Any, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call(redrive, *arguments)
    assert ended.value.code == 2
    assert repr(arguments[1]) in capsys.readouterr().err


def test_a_time_without_a_zone_is_utc(estate: Estate, call: Any, failed: Any) -> None:
    failed("query", json.dumps(PAYLOAD), RequestID="i", ErrorCode="200", FailedAt="1767225600")
    for since, replayed in (("2026-01-01T00:00:00", 1), ("2026-01-01T00:00:01Z", 0)):
        done = call(redrive, "query", "dev", "--dry-run", "--since", since)
        assert f"{replayed} would be replayed" in done.out


def failed_message(body: str, **attributes: Any) -> FailedMessage:
    return read(message(body, **attributes), INGEST, Reasons())


def test_failures_are_held_back_after_so_many_replays() -> None:
    options = Options(most_replays=2)
    assert not options.quarantines(failed_message(EVENT, Replays="1"))
    assert options.quarantines(failed_message(EVENT, Replays="2"))
    assert options.quarantines(failed_message("{}"))


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


def test_the_rate_limit_lets_so_many_through_a_second() -> None:
    now, slept = 100.0, list[float]()
    limit = RateLimit(4, lambda: now, slept.append)
    for count in (1, 1, 2, 1):
        limit.wait(count)
    assert slept == [0.25, 0.5, 1.0]


def test_as_many_errors_as_messages_are_summed_up() -> None:
    result = QueueResult(queue="q")
    for number in range(200):
        odd = failed_message('{"a": 1}', RequestID="i", ErrorCode="200", ErrorMessage=f"odd {number}")
        result.record(odd, INGEST, quarantined=False, selected=True)
    assert len(result.reasons) == 51
    assert sum(reason.messages for reason in result.reasons.values()) == 200


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ([], "local")), (["dev"], ([], "dev")), (["ingest"], (["ingest"], "local")),
        (["dlq-ingest"], (["ingest"], "local")), (["dlq-aggregate-dev", "dev"], (["aggregate"], "dev")),
        (["query", "local-b"], (["query"], "local-b")),
    ],
)  # fmt: skip
def test_queue_and_environment_are_distinguished(empty_estate: Any, arguments: list[str], expected: Any) -> None:
    assert redrive.where(arguments) == expected


@pytest.mark.parametrize(
    "arguments",
    [["nowhere"], ["nowhere", "dev"], ["ingest", "dev", "x"], ["--missing", "--error", "x"], ["--missing", "ingest"]],
)
def test_wrong_arguments_are_refused_before_anything_is_touched(call: Any, estate: Any, arguments: Any) -> None:
    outcome = call(redrive, *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")


def test_an_environment_without_failure_queues_is_not_deployed(call: Any, empty_estate: Any) -> None:
    for arguments, named in ((["dev"], "no failure queue: it"), (["query", "dev"], "no failure queue query: it")):
        outcome = call(redrive, *arguments)
        assert (outcome.code, outcome.out) == (1, "")
        assert f"environment dev has {named} is not deployed" in outcome.err
        assert "scripts/deploy_all.sh dev" in outcome.err
