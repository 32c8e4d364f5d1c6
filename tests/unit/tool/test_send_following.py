"""Fate of sent events: counted, dead letters, batches that were given up, and the wait for them."""

from __future__ import annotations

import json
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.events import dead_letters
from estate_tool.events.counted import CountedEvents
from estate_tool.events.dead_letters import DeadLetters, LostBatches, depth
from estate_tool.events.ledger import Ledger
from estate_tool.events.settlement import LONGEST_PAUSE, Settlement, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUE = "dlq-ingest-dev"


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


EVENTS_PER_PAGE = 64


class FakeTables:
    """Tables of events and pages that count what is asked of them: every event is stored, those of `marked` counted."""

    def __init__(self, capacity: int = 10**9) -> None:
        self.marked: set[bytes] = set()
        self.calls: list[int] = []
        """Events that were asked for."""
        self.pages = 0
        """Pages that were asked for."""
        self.capacity = capacity
        self.exceptions = type("Exceptions", (), {"ClientError": ClientError})
        self._numbers = {key(number): number for number in range(2_000)}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 (boto3's)
        ((table, request),) = RequestItems.items()
        keys = request["Keys"]
        assert len(keys) <= 100
        if table == "pages":
            self.pages += len(keys)
            found = [self._record(int(key["page"]["S"])) for key in keys]
            return {"Responses": {"pages": [record for record in found if record["counted"]["B"]]}}
        self.calls.append(len(keys))
        readable, unread = keys[: self.capacity], keys[self.capacity :]
        found = [self._event(bytes.fromhex(key["event_key"]["S"])) for key in readable]
        return {"Responses": {"events": found}, "UnprocessedKeys": {"events": {"Keys": unread}} if unread else {}}

    def _event(self, event: bytes) -> dict[str, Any]:
        page, position = divmod(self._numbers[event], EVENTS_PER_PAGE)
        return {"event_key": {"S": event.hex()}, "page": {"S": str(page)}, "position": {"N": str(position)}}

    def _record(self, page: int) -> dict[str, Any]:
        first = page * EVENTS_PER_PAGE
        bits = sum(1 << n for n in range(EVENTS_PER_PAGE) if key(first + n) in self.marked)
        return {"page": {"S": str(page)}, "counted": {"B": bits.to_bytes(EVENTS_PER_PAGE // 8, "little").rstrip(b"\0")}}


def key(number: int) -> bytes:
    return sha256(str(number).encode()).digest()


def ledger_of(events: int, invalid: int = 0) -> Ledger:
    ledger = Ledger(follow=True)
    for number in range(events):
        ledger.delivered(key(number), f"e{number}")
    for number in range(invalid):
        ledger.delivered(None, f"i{number}")
    return ledger


class NoDeadLetters(DeadLetters):
    def __init__(self) -> None:
        """Nothing is dead."""

    def news(self) -> Any:
        yield from ()


def settlement(
    ledger: Ledger, tables: FakeTables, clock: Clock, dead: DeadLetters | None = None, **more: Any
) -> Settlement:
    return Settlement(
        ledger=ledger, counted=CountedEvents(tables, "events", "pages"), ingest_failures=dead or NoDeadLetters(),
        clock=clock, sleep=clock.sleep, **{"lost_batches": set, **more},
    )  # fmt: skip


def test_it_returns_at_once_when_everything_is_counted() -> None:
    ledger, tables, clock = ledger_of(250), FakeTables(), Clock()
    tables.marked = {key(number) for number in range(250)}
    settlement(ledger, tables, clock).wait(10, lambda: None)
    assert (ledger.aggregated, ledger.missing) == (250, 0)
    assert tables.calls == [100, 100, 50]
    assert clock.pauses == []


def test_only_outstanding_events_are_looked_for() -> None:
    ledger, tables, clock = ledger_of(150), FakeTables(), Clock()
    tables.marked = {key(number) for number in range(100)}

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        tables.marked |= {key(number) for number in range(150)}

    waiting = settlement(ledger, tables, clock)
    waiting.sleep = sleep
    waiting.wait(10, lambda: None)
    # Where an event is stored never changes: the second look asks for the pages only.
    assert tables.calls == [100, 50]
    assert tables.pages == 2 + 2 + 2
    assert (ledger.aggregated, len(clock.pauses)) == (150, 1)


def test_looking_goes_on_while_it_finds_and_costs_two_vain_calls_at_most() -> None:
    ledger, tables = ledger_of(2_000), FakeTables()
    tables.marked = {key(number) for number in range(1_000)}
    assert CountedEvents(tables, "events", "pages").look(ledger) == (1_200, 1_000)
    assert ledger.aggregated == 1_000


def test_events_that_are_stuck_keep_no_other_from_being_found() -> None:
    ledger, tables = ledger_of(1_000), FakeTables()
    looking = CountedEvents(tables, "events", "pages")
    tables.marked = {key(number) for number in range(500, 1_000)}
    rounds = 0
    while ledger.aggregated < 500:
        looking.look(ledger)
        rounds += 1
        assert rounds < 12
    tables.marked |= {key(3)}
    assert looking.look(ledger)[1] == 1


def test_a_table_without_capacity_ends_the_round_and_nothing_is_taken_for_absent() -> None:
    ledger, tables = ledger_of(200), FakeTables(capacity=30)
    tables.marked = {key(number) for number in range(200)}
    looking = CountedEvents(tables, "events", "pages")
    assert looking.look(ledger) == (200, 60)
    assert tables.calls == [100, 100]
    assert looking.absent([key(number) for number in range(300, 350)]) == {key(number) for number in range(300, 330)}


def test_a_throttled_call_is_no_error() -> None:
    class Throttled(FakeTables):
        def batch_get_item(self, **_: Any) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "BatchGetItem")

    class Forbidden(FakeTables):
        def batch_get_item(self, **_: Any) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "BatchGetItem")

    ledger = ledger_of(3)
    with pytest.raises(ClientError, match="AccessDenied"):
        CountedEvents(Forbidden(), "events", "pages").look(ledger)
    assert CountedEvents(Throttled(), "events", "pages").look(ledger) == (3, 0)
    assert CountedEvents(Throttled(), "events", "pages").absent([key(1)]) == set()
    assert ledger.outstanding_events == 3


def test_the_wait_goes_on_for_as_long_as_something_arrives() -> None:
    """An event every fifth second: never is there nothing for eight, but all take much longer than that."""
    ledger, tables, clock = ledger_of(10), FakeTables(), Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        tables.marked.update(key(number) for number in range(10) if clock.now >= 5 * number)

    waiting = settlement(ledger, tables, clock)
    waiting.sleep = sleep
    waiting.wait(8, lambda: None)
    assert ledger.aggregated == 10
    assert clock.now >= 45


def test_it_times_out_with_pauses_that_grow_and_reports_what_is_missing() -> None:
    ledger, clock = ledger_of(3), Clock()
    with pytest.raises(TimedOut):
        settlement(ledger, FakeTables(), clock).wait(60, lambda: None)
    assert clock.now == pytest.approx(60)
    assert max(clock.pauses) == LONGEST_PAUSE
    assert clock.pauses[0] < clock.pauses[5] < LONGEST_PAUSE
    assert len(clock.pauses) < 40
    assert ledger.missing == 3


def test_an_invalid_line_is_waited_for_in_the_dead_letter_queue() -> None:
    ledger, clock = ledger_of(0, invalid=2), Clock()

    class Arriving(NoDeadLetters):
        def news(self) -> Any:
            yield from ({"MessageId": f"i{n}"} for n in range(2) if clock.now > n)

    settlement(ledger, FakeTables(), clock, Arriving()).wait(60, lambda: None)
    assert (ledger.dead_lettered, ledger.missing) == (2, 0)
    assert clock.now < 5


def test_events_of_a_lost_batch_are_given_up_unless_they_were_counted() -> None:
    ledger, tables, clock = ledger_of(4), FakeTables(), Clock()
    tables.marked = {key(0), key(1)}
    settlement(ledger, tables, clock, lost_batches=lambda: {key(n) for n in range(1, 9)}).wait(60, lambda: None)
    assert (ledger.aggregated, ledger.dead_lettered, ledger.missing) == (2, 2, 0)


@pytest.fixture
def dead_queue(estate: Any) -> Callable[[int], tuple[Any, str]]:
    """Its client and URL, with so many messages in it."""

    def filled(count: int) -> tuple[Any, str]:
        sqs, url = estate.client("sqs"), estate.queue_url(QUEUE)
        for number in range(count):
            sqs.send_message(QueueUrl=url, MessageBody=f"body {number}")
        return sqs, url

    return filled


def test_a_look_sees_every_message_and_leaves_every_message_visible(dead_queue: Any) -> None:
    sqs, url = dead_queue(37)
    seen = [message["Body"] for message in DeadLetters(sqs, QUEUE, Clock()).news()]
    assert sorted(seen) == sorted(f"body {number}" for number in range(37))
    visible = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert visible == {"ApproximateNumberOfMessages": "37"}


def test_a_look_that_is_cut_short_gives_back_what_it_took(dead_queue: Any) -> None:
    sqs, url = dead_queue(25)
    news = DeadLetters(sqs, QUEUE, Clock()).news()
    next(news)
    news.close()
    visible = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert visible == {"ApproximateNumberOfMessages": "25"}


def test_a_queue_is_looked_through_again_when_its_depth_changes_or_after_a_while(dead_queue: Any) -> None:
    (sqs, url), clock = dead_queue(3), Clock()
    failures = DeadLetters(sqs, QUEUE, clock)
    assert len(list(failures.news())) == 3
    assert list(failures.news()) == []
    sqs.send_message(QueueUrl=url, MessageBody="one more")
    assert len(list(failures.news())) == 4
    assert list(failures.news()) == []
    clock.now += dead_letters.AGAIN_SECONDS
    assert len(list(failures.news())) == 4


def test_more_messages_than_one_look_can_see_stay_hidden_so_that_the_next_one_sees_the_others(dead_queue: Any) -> None:
    (sqs, _), clock = dead_queue(45), Clock()
    failures = DeadLetters(sqs, QUEUE, clock)
    first: set[str] = set()
    for message in failures.news():
        first.add(message["Body"])
        clock.now += dead_letters.LOOK_SECONDS / 25
    assert len(first) == 30
    clock.now = 0.0
    second = {message["Body"] for message in failures.news()}
    assert len(first | second) == 45
    assert not first & second


@pytest.mark.parametrize(("code", "ends"), [("OverLimit", False), ("AccessDenied", True)])
def test_a_queue_that_hands_no_more_out_is_looked_at_another_time(
    dead_queue: Any, monkeypatch: pytest.MonkeyPatch, code: str, ends: bool
) -> None:
    sqs, url = dead_queue(15)
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
    visible = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert visible == {"ApproximateNumberOfMessages": "15"}


def test_a_queue_that_does_not_exist_is_as_good_as_empty(estate: Any) -> None:
    assert list(DeadLetters(estate.client("sqs"), "dlq-aggregate-dev").news()) == []
    assert depth(estate.client("sqs"), "dlq-aggregate-dev") is None


@pytest.fixture
def stream(estate: Any) -> Callable[[int], list[dict[str, Any]]]:
    """The records of a table's stream into which so many events were put."""

    def filled(count: int) -> list[dict[str, Any]]:
        table = estate.client("dynamodb").describe_table(TableName="table-events-dev")["Table"]
        for number in range(count):
            estate.client("dynamodb").put_item(
                TableName="table-events-dev", Item={"event_key": {"S": key(number).hex()}}
            )
        arn = table["LatestStreamArn"]
        streams = estate.client("dynamodbstreams")
        shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        return [{"arn": arn, "shard": shard, "number": record["dynamodb"]["SequenceNumber"]} for record in records]

    return filled


def lost(first: dict[str, Any], last: dict[str, Any]) -> str:
    """Message that Lambda puts into the failure queue."""
    info = {
        "streamArn": first["arn"], "shardId": first["shard"], "batchSize": 1,
        "startSequenceNumber": first["number"], "endSequenceNumber": last["number"],
    }  # fmt: skip
    return json.dumps({"requestContext": {}, "DDBStreamBatchInfo": info})


class FailedMessages(NoDeadLetters):
    """Messages with these bodies."""

    def __init__(self, *bodies: str) -> None:
        self._bodies = bodies

    def news(self) -> Any:
        yield from ({"MessageId": "x", "Body": body} for body in self._bodies)


def test_a_lost_batch_is_the_events_of_its_range_in_the_stream(estate: Any, stream: Any) -> None:
    records = stream(6)
    dead_letters = FailedMessages(lost(records[1], records[3]), lost(records[5], records[5]))
    found = LostBatches(estate.client("dynamodbstreams"), dead_letters)()
    assert found == {key(1), key(2), key(3), key(5)}


def test_what_somebody_else_wrote_into_the_table_is_no_event_of_a_lost_batch(estate: Any, stream: Any) -> None:
    records = stream(3)
    table = estate.client("dynamodb")
    for other in ("by hand", "AB" * 32):
        table.put_item(TableName="table-events-dev", Item={"event_key": {"S": other}})
    streams = estate.client("dynamodbstreams")
    iterator = streams.get_shard_iterator(
        StreamArn=records[0]["arn"], ShardId=records[0]["shard"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    last = streams.get_records(ShardIterator=iterator)["Records"][-1]["dynamodb"]["SequenceNumber"]
    dead_letters = FailedMessages(lost(records[1], records[1] | {"number": last}))
    assert LostBatches(streams, dead_letters, "table-events-dev")() == {key(1), key(2)}
    assert LostBatches(streams, dead_letters, "table-events-other")() == set()


def test_events_that_the_aggregation_gave_up_itself_are_in_the_message() -> None:
    image = {"NewImage": {"event_key": {"S": key(7).hex()}}}
    body = json.dumps({"Records": [{"eventName": "INSERT", "dynamodb": image}], "replay": True})
    assert LostBatches(None, FailedMessages(body))() == {key(7)}


def test_a_message_that_the_consumer_sent_itself_is_known_by_the_id_it_had() -> None:
    ledger, clock = ledger_of(0, invalid=1), Clock()

    class Sent(NoDeadLetters):
        def news(self) -> Any:
            yield {"MessageId": "new", "MessageAttributes": {"SourceMessageId": {"StringValue": "i0"}}}

    settlement(ledger, FakeTables(), clock, Sent()).wait(60, lambda: None)
    assert (ledger.dead_lettered, ledger.missing) == (1, 0)


@pytest.mark.parametrize(
    "body",
    [
        '{"Records": 5}',
        '{"Records": [{"dynamodb": {}}]}',
        "no JSON",
        "[]",
        "{}",
        '{"DDBStreamBatchInfo": null}',
        '{"DDBStreamBatchInfo": {}}',
    ],
)
def test_other_messages_in_the_failure_queue_are_left_alone(estate: Any, body: str) -> None:
    assert LostBatches(estate.client("dynamodbstreams"), FailedMessages(body))() == set()


def test_a_batch_whose_stream_is_gone_can_not_be_read(estate: Any, stream: Any) -> None:
    record = stream(1)[0]
    gone = record | {"arn": record["arn"].replace("table-events-dev", "table-gone")}
    assert LostBatches(estate.client("dynamodbstreams"), FailedMessages(lost(gone, gone)))() == set()


def test_an_open_shard_without_the_last_record_does_not_hold_it_up() -> None:
    class Endless:
        exceptions = type("Exceptions", (), {"ClientError": ClientError})
        pages = 0

        def get_shard_iterator(self, **_: Any) -> dict[str, Any]:
            return {"ShardIterator": "0"}

        def get_records(self, **_: Any) -> dict[str, Any]:
            self.pages += 1
            return {"Records": [], "NextShardIterator": str(self.pages)}

    streams = Endless()
    record = {"arn": "a", "shard": "s", "number": "1"}
    assert LostBatches(streams, FailedMessages(lost(record, record | {"number": "9"})))() == set()
    assert streams.pages < 100
