"""Dead-letter queues that are looked through with nothing lost, and the batches whose records a stream still has."""

from __future__ import annotations

import json
import threading
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.events import dead_letters
from estate_tool.events.dead_letters import DeadLetters, Sweep, depth, lost_events
from tests.support.event_tables import Clock, key
from tests.support.failed_messages import message

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUE, TABLE = "dlq-ingest-dev", "table-events-dev"


@pytest.fixture
def queue(estate: Any) -> Callable[[int], tuple[Any, str]]:
    """Client and URL of a queue with so many messages."""

    def filled(count: int) -> tuple[Any, str]:
        sqs, url = estate.client("sqs"), estate.queue_url(QUEUE)
        for number in range(count):
            sqs.send_message(QueueUrl=url, MessageBody=f"body {number}")
        return sqs, url

    return filled


def visible(sqs: Any, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def bodies(messages: Any) -> list[str]:
    return sorted(one["Body"] for one in messages)


def test_a_look_sees_every_message_and_leaves_every_message_visible(queue: Any) -> None:
    sqs, url = queue(37)
    assert bodies(DeadLetters(sqs, QUEUE, Clock()).news()) == sorted(f"body {number}" for number in range(37))
    assert visible(sqs, url) == 37


def test_a_look_that_is_cut_short_gives_back_what_it_took(queue: Any) -> None:
    sqs, url = queue(25)
    news = DeadLetters(sqs, QUEUE, Clock()).news()
    next(news)
    assert visible(sqs, url) == 15
    news.close()
    assert visible(sqs, url) == 25


def test_a_queue_is_looked_through_again_when_its_depth_changes_or_after_a_while(queue: Any) -> None:
    (sqs, url), clock = queue(3), Clock()
    failures = DeadLetters(sqs, QUEUE, clock)
    assert [len(list(failures.news())) for _ in range(2)] == [3, 0]
    sqs.send_message(QueueUrl=url, MessageBody="one more")
    assert [len(list(failures.news())) for _ in range(2)] == [4, 0]
    clock.now += dead_letters.AGAIN_SECONDS
    assert len(list(failures.news())) == 4


@pytest.mark.parametrize(("code", "ends"), [("OverLimit", False), ("AccessDenied", True)])
def test_a_queue_that_hands_no_more_out_is_looked_at_another_time(
    queue: Any, monkeypatch: pytest.MonkeyPatch, code: str, ends: bool
) -> None:
    sqs, url = queue(15)
    handed_out = [sqs.receive_message]

    def receive(**request: Any) -> Any:
        if not handed_out:
            raise ClientError({"Error": {"Code": code}}, "ReceiveMessage")
        return handed_out.pop()(**request)

    monkeypatch.setattr(sqs, "receive_message", receive)
    news = DeadLetters(sqs, QUEUE, Clock()).news()
    assert len(list(islice(news, 10))) == 10
    with pytest.raises(ClientError if ends else StopIteration):
        next(news)
    assert visible(sqs, url) == 15


def test_a_queue_that_does_not_exist_is_as_good_as_empty(estate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = estate.client("sqs")
    assert depth(sqs, "dlq-gone-dev") is None
    assert list(DeadLetters(sqs, "dlq-gone-dev").news()) == []
    # Deleted between its depth and the look.
    monkeypatch.setattr(dead_letters, "depth", lambda *_: 1)
    assert list(DeadLetters(sqs, "dlq-gone-dev").news()) == []


def test_only_messages_that_are_done_leave_the_queue(queue: Any, estate: Any) -> None:
    sqs, url = queue(25)
    with Sweep(sqs, url, 25) as sweep:
        found = list(sweep.messages())
        for done in found[:10]:
            sweep.done(done)
    assert len({one["Body"] for one in found}) == len(found) == 25
    assert sorted(estate.bodies(QUEUE)) == bodies(found[10:])


def test_a_message_that_is_put_back_is_not_yielded_again_by_the_same_sweep(queue: Any) -> None:
    sqs, url = queue(3)
    count = {"DataType": "String", "StringValue": "1"}
    with Sweep(sqs, url, 3) as sweep:
        assert [sweep.put_back(one, {"Replays": count}) for one in sweep.messages()] == [None] * 3
    left = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])["Messages"]
    assert [one["MessageAttributes"] for one in left] == [{"Replays": count}] * 3


def test_a_message_that_can_not_be_sent_on_is_not_deleted(queue: Any, estate: Any, monkeypatch: Any) -> None:
    sqs, url = queue(1)
    monkeypatch.setattr(sqs, "send_message", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError), Sweep(sqs, url, 1) as sweep:
        sweep.put_back(next(sweep.messages()), {})
    assert estate.bodies(QUEUE) == ["body 0"]


class Endless:
    """A queue in which as many messages arrive as are received, one at a time; it records how long each is hidden."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self) -> None:
        self.received = 0
        self.hidden: list[float] = []
        self.hidden_again = threading.Event()

    def receive_message(self, **_: Any) -> Any:
        self.received += 1
        return {"Messages": [message("body") | {"MessageId": f"m{self.received}"}]}

    def change_message_visibility_batch(self, Entries: list[dict[str, Any]], **_: Any) -> None:  # noqa: N803
        self.hidden += [entry["VisibilityTimeout"] for entry in Entries]
        if len(self.hidden) == 2:
            self.hidden_again.set()


def test_messages_stay_hidden_for_as_long_as_a_sweep_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "_HIDDEN_SECONDS", 0.03)
    endless = Endless()
    with Sweep(endless, "url", 1) as sweep:
        next(sweep.messages())
        assert endless.hidden_again.wait(10)
    assert (endless.hidden[:2], endless.hidden[-1]) == ([0.03, 0.03], 0)


def test_a_sweep_ends_although_messages_keep_arriving() -> None:
    with Sweep(Endless(), "url", 5) as sweep:
        assert len(list(sweep.messages())) == 110


class Stream:
    """A stream whose shard has records of these numbers, two on a page, and an empty page before each."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, *numbers: int, error: str = "") -> None:
        self._numbers, self._error = numbers, error
        self.pages = 0

    def get_shard_iterator(self, SequenceNumber: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if self._error:
            raise ClientError({"Error": {"Code": self._error}}, "GetShardIterator")
        return {"ShardIterator": json.dumps([int(SequenceNumber), True])}

    def get_records(self, ShardIterator: str) -> dict[str, Any]:  # noqa: N803
        self.pages += 1
        first, empty = json.loads(ShardIterator)
        found = [] if empty else [number for number in self._numbers if number >= first][:2]
        after = found[-1] + 1 if found else first
        records = [self._record(number) for number in found]
        return {"Records": records, "NextShardIterator": json.dumps([after, not empty])}

    def _record(self, number: int) -> dict[str, Any]:
        stored = "by hand" if number == 4 else key(number).hex()
        return {"dynamodb": {"SequenceNumber": str(number), "Keys": {"event_key": {"S": stored}}}}


def batch(first: object, last: object, table: str = TABLE) -> dict[str, str]:
    """Message that Lambda puts into the failure queue."""
    info = {
        "streamArn": f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}/stream/2026", "shardId": "s",
        "startSequenceNumber": str(first), "endSequenceNumber": str(last),
    }  # fmt: skip
    return {"Body": json.dumps({"requestContext": {}, "DDBStreamBatchInfo": info})}


def lost(stream: Any, *messages: dict[str, str]) -> set[bytes]:
    failures: Any = SimpleNamespace(news=lambda: iter(messages))
    return lost_events(stream, failures, TABLE)


@pytest.mark.parametrize(
    ("ranges", "events"),
    [
        ([(1, 3), (6, 6)], {1, 2, 3, 6}), ([(3, 5)], {3, 5}), ([(1, 2)], {1, 2}),
        # The range's last record is gone, or comes later than others.
        ([(5, 7)], {5, 6}), ([(6, 99)], {6, 8, 9}), ([(3, 2)], set()),
    ],
)  # fmt: skip
def test_events_of_lost_batches_are_those_of_their_ranges_in_the_stream(ranges: Any, events: set[int]) -> None:
    stream = Stream(1, 2, 3, 4, 5, 6, 8, 9)
    assert lost(stream, *(batch(*each) for each in ranges)) == {key(number) for number in events}


def test_a_batch_of_another_table_is_left_alone() -> None:
    assert lost(Stream(1), batch(1, 1, "table-other")) == set()


def test_an_open_shard_without_the_last_record_is_read_for_a_few_pages_only() -> None:
    stream = Stream(1)
    assert lost(stream, batch(1, 9)) == {key(1)}
    assert stream.pages < 20


@pytest.mark.parametrize("code", ["TrimmedDataAccessException", "ResourceNotFoundException", "ValidationException"])
def test_a_batch_whose_records_are_gone_has_none(code: str) -> None:
    assert lost(Stream(1, error=code), batch(1, 1)) == set()


def test_any_other_error_of_the_stream_is_raised() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        lost(Stream(1, error="AccessDenied"), batch(1, 1))


def test_a_name_of_no_stream_has_no_records(estate: Any) -> None:
    body = json.loads(batch(1, 1)["Body"])
    body["DDBStreamBatchInfo"]["streamArn"] = "x"
    failures: Any = SimpleNamespace(news=lambda: iter([{"Body": json.dumps(body)}]))
    assert lost_events(estate.client("dynamodbstreams"), failures, "") == set()


def test_events_that_the_aggregation_gave_up_itself_are_in_the_message() -> None:
    image = {"NewImage": {"event_key": {"S": key(7).hex()}}}
    body = json.dumps({"Records": [{"eventName": "INSERT", "dynamodb": image}], "replay": True})
    assert lost(None, {"Body": body}) == {key(7)}


@pytest.mark.parametrize(
    "body",
    ['{"Records": 5}', '{"Records": [{"dynamodb": {}}]}', "no JSON", "[]", "{}", '{"DDBStreamBatchInfo": null}',
     '{"DDBStreamBatchInfo": {}}'],
)  # fmt: skip
def test_other_messages_in_the_failure_queue_are_left_alone(body: str) -> None:
    assert lost(None, {"Body": body}) == set()
