"""Failures come back: poison in each of the three paths, put right, is replayed and counted exactly once.

ESTATE_REDRIVE_KILLS says how often `redrive` is killed half-way (3).
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.cloud import expect_soon
from tests.integration.commands import Commands

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws

KILLS = int(os.environ.get("ESTATE_REDRIVE_KILLS", "3"))
pytestmark = pytest.mark.timeout(300 + 30 * KILLS)
# A busy machine takes its time; nothing is ever waited for in vain.
soon = functools.partial(expect_soon, seconds=120)


@pytest.fixture(scope="module")
def run(own: EmbeddedAws) -> Commands:
    """The commands, with the layers that process events rolled out."""
    commands = Commands.on(own)
    for layer in ("foundation", "data", "compute"):
        commands("scripts/deploy_layer.sh", layer)
    hurry(own)
    return commands


def hurry(aws: EmbeddedAws) -> None:
    """Let a failure end in its queue at once: on AWS as here that takes minutes of retries otherwise."""
    sqs, functions = aws.client("sqs"), aws.client("lambda")
    url = sqs.get_queue_url(QueueName="queue-ingest-local")["QueueUrl"]
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"])
    attributes = {"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(policy | {"maxReceiveCount": 1})}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    functions.update_event_source_mapping(
        UUID=stream_mapping(aws)["UUID"], MaximumRetryAttempts=0, BisectBatchOnFunctionError=False, BatchSize=5
    )
    functions.put_function_event_invoke_config(
        FunctionName="lambda-aggregate-local", Qualifier="live", MaximumRetryAttempts=0
    )


def stream_mapping(aws: EmbeddedAws) -> dict[str, Any]:
    mappings = aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return next(one for one in mappings if "/stream/" in one["EventSourceArn"])


class Broken:
    """Functions that may not write: what they get fails until the end of the block."""

    def __init__(self, aws: EmbeddedAws, *functions: str) -> None:
        self._iam = aws.client("iam")
        self._roles = [f"role-{function}-local" for function in functions]

    def __enter__(self) -> None:
        denial = {"Effect": "Deny", "Action": ["dynamodb:PutItem", "dynamodb:UpdateItem"], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
        for role in self._roles:
            self._iam.put_role_policy(RoleName=role, PolicyName="broken", PolicyDocument=document)

    def __exit__(self, *_: object) -> None:
        for role in self._roles:
            self._iam.delete_role_policy(RoleName=role, PolicyName="broken")


def event(kind: str, number: int) -> str:
    return json.dumps(
        {
            "specversion": "1.0", "id": str(number), "source": f"urn:{kind}", "type": kind,
            "time": "2026-01-01T00:00:00Z", "data": {"n": number},
        }
    )  # fmt: skip


def events(kind: str, count: int) -> list[str]:
    return [event(kind, number) for number in range(count)]


def send(aws: EmbeddedAws, lines: list[str], queue: str = "queue-ingest-local") -> None:
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    for start in range(0, len(lines), 10):
        entries = [{"Id": str(i), "MessageBody": line} for i, line in enumerate(lines[start : start + 10])]
        assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")


def depth(aws: EmbeddedAws, queue: str) -> int:
    """Messages of a queue, in flight or not."""
    sqs = aws.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))


def bodies(aws: EmbeddedAws) -> list[dict[str, Any]]:
    """What up to ten messages in the aggregation's failure queue say."""
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="dlq-aggregate-local")["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(message["Body"]) for message in answer.get("Messages", ())]


def batches(aws: EmbeddedAws) -> list[dict[str, Any]]:
    return [body["DDBStreamBatchInfo"] for body in bodies(aws) if "DDBStreamBatchInfo" in body]


def lost_records(aws: EmbeddedAws) -> int:
    return sum(batch["batchSize"] for batch in batches(aws))


def counted(aws: EmbeddedAws, kind: str) -> tuple[int, str]:
    """How many events of the type the aggregates hold, and the sum of their numbers."""
    question = json.dumps({"type": kind}).encode()
    answer = aws.client("lambda").invoke(FunctionName="lambda-query-local", Qualifier="live", Payload=question)
    totals = json.loads(answer["Payload"].read())["totals"]
    return totals["count"], totals["data"].get("n", {}).get("sum", "0")


def exactly(count: int) -> tuple[int, str]:
    """What `counted` says when each of so many events is counted once."""
    return count, str(sum(range(count)))


def redrive(run: Commands, *arguments: str, code: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run("scripts/estate", "redrive", *arguments, "--json", code=code).stdout)
    return answer


def queue_of(answer: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(queue for queue in answer["queues"] if queue["queue"] == f"dlq-{name}-local")
    return found


def record(text: str) -> dict[str, Any]:
    """A record as the stream hands it to the aggregation."""
    change = {"SequenceNumber": "1", "NewImage": {"event_key": {"S": "0"}, "event": {"S": text}}}
    return {"eventName": "INSERT", "dynamodb": change}


def test_poison_of_each_path_is_explained_and_comes_back_once(own: EmbeddedAws, run: Commands) -> None:
    with Broken(own, "aggregate"):
        send(own, events("streamed", 7))
        payload = {"Records": [record(line) for line in events("called", 3)]}
        own.client("lambda").invoke(
            FunctionName="lambda-aggregate-local", Qualifier="live", InvocationType="Event",
            Payload=json.dumps(payload).encode(),
        )  # fmt: skip
        soon(lambda: lost_records(own) == 7, "the failed batches")
        soon(lambda: len(bodies(own)) > len(batches(own)), "the failed invocation")
        with Broken(own, "ingest"):
            send(own, [*events("queued", 12), "no event"])
            soon(lambda: depth(own, "dlq-ingest-local") == 13, "the failed messages")
        listed = redrive(run, "--dry-run")
        # Not put right yet: it fails again, is counted, and is back.
        again = redrive(run, "aggregate", code=1)
    ingest, aggregate = queue_of(listed, "ingest"), queue_of(listed, "aggregate")
    assert (ingest["messages"], ingest["quarantined"], ingest["replayed"], ingest["left"]) == (13, 1, 0, 13)
    assert {(reason["messages"], reason["kind"], reason["function"]) for reason in ingest["reasons"]} == {
        (12, "message", "ingest"), (1, "message", "ingest"),
    }  # fmt: skip
    assert "AccessDenied" in ingest["reasons"][0]["error"]
    assert "not JSON" in ingest["reasons"][1]["error"]
    assert {reason["kind"] for reason in aggregate["reasons"]} == {"stream", "async"}
    stream = next(reason for reason in aggregate["reasons"] if reason["kind"] == "stream")
    assert "AccessDenied" in stream["error"]
    assert stream["attempts"] == 1
    failed = queue_of(again, "aggregate")
    assert (failed["failed"], failed["replayed"]) == (aggregate["messages"], 0)
    assert {reason["replays"] for reason in queue_of(redrive(run, "--dry-run"), "aggregate")["reasons"]} == {1}

    done = redrive(run)
    assert queue_of(done, "aggregate")["left"] == queue_of(done, "aggregate")["failed"] == 0
    # The poison stays; a move task would have taken it along.
    assert (queue_of(done, "ingest")["replayed"], queue_of(done, "ingest")["left"]) == (12, 1)
    for kind, count in (("queued", 12), ("streamed", 7), ("called", 3)):
        soon(lambda kind=kind, count=count: counted(own, kind) == exactly(count), f"{kind}, each once")
    assert depth(own, "dlq-aggregate-local") == 0
    assert depth(own, "dlq-ingest-local") == 1


def test_a_queue_without_poison_is_moved_by_sqs(own: EmbeddedAws, run: Commands) -> None:
    own.client("sqs").purge_queue(QueueUrl=own.client("sqs").get_queue_url(QueueName="dlq-ingest-local")["QueueUrl"])
    send(own, events("moved", 30), "dlq-ingest-local")
    started = time.monotonic()
    queue = queue_of(redrive(run, "dlq-ingest-local", "local", "--rate", "20"), "ingest")
    assert (queue["messages"], queue["replayed"], queue["left"]) == (30, 30, 0)
    assert "move task" in queue["way"]
    assert time.monotonic() - started > 1
    tasks = own.client("sqs").list_message_move_tasks(SourceArn="arn:aws:sqs:us-east-1:123456789012:dlq-ingest-local")
    assert [(task["Status"], task["MaxNumberOfMessagesPerSecond"]) for task in tasks["Results"]] == [("COMPLETED", 20)]
    soon(lambda: counted(own, "moved") == exactly(30), "each once")


def test_what_fails_again_and_again_is_left_alone_until_it_is_asked_for(own: EmbeddedAws, run: Commands) -> None:
    with Broken(own, "aggregate"):
        send(own, events("stubborn", 4))
        soon(lambda: lost_records(own) == 4, "the failed batches")
        failed = queue_of(redrive(run, "aggregate", "--attempts", "1", code=1), "aggregate")
        assert failed["quarantined"] == failed["failed"] == failed["messages"]
    held = queue_of(redrive(run, "aggregate", "--attempts", "1"), "aggregate")
    assert (held["quarantined"], held["replayed"], held["left"]) == (failed["failed"], 0, failed["failed"])
    assert held["reasons"][0]["quarantined"]
    released = queue_of(redrive(run, "aggregate", "--attempts", "1", "--quarantined"), "aggregate")
    assert (released["replayed"], released["left"]) == (failed["failed"], 0)
    assert counted(own, "stubborn") == exactly(4)


def test_batches_that_the_stream_forgot_come_from_the_table(own: EmbeddedAws, run: Commands) -> None:
    sqs = own.client("sqs")
    url = sqs.get_queue_url(QueueName="dlq-aggregate-local")["QueueUrl"]
    with Broken(own, "aggregate"):
        send(own, events("forgotten", 5))
        soon(lambda: lost_records(own) == 5, "the failed batches")
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            body = json.loads(message["Body"])
            # As if the stream had been replaced, which is what its age would come to.
            body["DDBStreamBatchInfo"]["streamArn"] += "gone"
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if all("gone" in message["Body"] for message in messages):
            break
    done = queue_of(redrive(run, "aggregate"), "aggregate")
    assert (done["failed"], done["left"]) == (0, 0)
    assert counted(own, "forgotten") == exactly(5)


def test_events_that_were_stored_but_never_aggregated_are_brought_in_once(own: EmbeddedAws, run: Commands) -> None:
    mapping = stream_mapping(own)
    functions = own.client("lambda")
    # The mapping reads from its end on when it is made anew: what was stored meanwhile never reaches it.
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    send(own, events("unseen", 40))
    scan = own.client("dynamodb").get_paginator("scan")
    pages = {"TableName": "table-events-local", "Select": "COUNT", "FilterExpression": "contains(event, :type)"}

    def stored() -> int:
        found = scan.paginate(**pages, ExpressionAttributeValues={":type": {"S": "urn:unseen"}})
        return sum(page["Count"] for page in found)

    soon(lambda: stored() == 40, "all are stored")
    seen = redrive(run, "--missing", "--dry-run")["missing"]
    assert (seen["missing"], seen["brought_in"]) == (40, 0)
    assert counted(own, "unseen")[0] == 0
    done = redrive(run, "--missing", "--rate", "100")["missing"]
    assert (done["missing"], done["brought_in"], done["failed"]) == (40, 40, 0)
    assert counted(own, "unseen") == exactly(40)
    assert redrive(run, "--missing")["missing"]["missing"] == 0
    # And the stream still has them all: they are not counted again.
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    send(own, [event("after", 0)])
    soon(lambda: counted(own, "after")[0] == 1, "the stream is read again")
    assert counted(own, "unseen") == exactly(40)


def visible(aws: EmbeddedAws, *queues: str) -> bool:
    """Whether nobody has any message of the queues in hands."""
    sqs, name = aws.client("sqs"), "ApproximateNumberOfMessagesNotVisible"
    urls = [sqs.get_queue_url(QueueName=queue)["QueueUrl"] for queue in queues]
    held = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name] for url in urls]
    return set(held) == {"0"}


def fail_all(aws: EmbeddedAws, count: int) -> None:
    """So many failures of each path."""
    functions, both = aws.client("lambda"), ("dlq-aggregate-local", "dlq-ingest-local")
    with Broken(aws, "aggregate"):
        send(aws, events("killed", count))
        for line in events("called-and-killed", count):
            payload = json.dumps({"Records": [record(line)]}).encode()
            functions.invoke(
                FunctionName="lambda-aggregate-local", Qualifier="live", InvocationType="Event", Payload=payload
            )
        soon(lambda: depth(aws, both[0]) >= count + count // 5, "all have failed")
    send(aws, events("moved-and-killed", count), both[1])


def test_killed_half_way_it_loses_no_message_and_counts_none_twice(own: EmbeddedAws, run: Commands) -> None:
    both, count = ("dlq-aggregate-local", "dlq-ingest-local"), 8 * (KILLS + 2)
    fail_all(own, count)
    chance, killed = random.Random(int(os.environ.get("ESTATE_SEED") or 8)), 0
    calls = itertools.cycle([(both[0], ["aggregate"]), (both[1], ["ingest", "--type", "moved-and-killed"])])
    for queue, arguments in itertools.islice(calls, 4 * KILLS):
        # When it has done some work and has more in its hands, and a little.
        goal = depth(own, queue) - chance.randrange(6)
        process = run.start("scripts/estate", "redrive", *arguments, "--rate", "15")
        while process.poll() is None and (depth(own, queue) > goal or visible(own, queue)):
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.2))
        killed += process.poll() is None
        process.kill()
        process.communicate()
        if killed == KILLS:
            break
    assert killed == KILLS
    assert depth(own, both[0]) + depth(own, both[1]) > 0
    print(f"killed {killed} times; left: {depth(own, both[0])} and {depth(own, both[1])}")
    soon(lambda: visible(own, *both), "what a killed one had in its hands comes back")
    redrive(run)
    assert depth(own, both[0]) == 0
    soon(lambda: depth(own, both[1]) == 0, "the dead letters are moved")
    for kind in ("killed", "called-and-killed", "moved-and-killed"):
        soon(lambda kind=kind: counted(own, kind) == exactly(count), f"{kind}, each once")
