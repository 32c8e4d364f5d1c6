"""Failures that tests cause in the estate, and their effects."""

from __future__ import annotations

import contextlib
import functools
import json
from typing import TYPE_CHECKING, Any

from shared.events import parse
from tests.integration import cloud
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.commands import Commands
    from tests.integration.conftest import EmbeddedAws

# Longer than needed, except under load.
soon = functools.partial(expect_soon, seconds=120)


def stream_mapping(aws: EmbeddedAws) -> dict[str, Any]:
    mappings = aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return next(one for one in mappings if "/stream/" in one["EventSourceArn"])


class Broken:
    """Deny functions their tables: all events fail until the end of the block."""

    def __init__(self, aws: EmbeddedAws, *functions: str) -> None:
        self._iam = aws.client("iam")
        self._roles = [f"role-{function}-local" for function in functions]

    def __enter__(self) -> None:
        actions = ["dynamodb:PartiQLInsert", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"]
        denial = {"Effect": "Deny", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
        for role in self._roles:
            self._iam.put_role_policy(RoleName=role, PolicyName="broken", PolicyDocument=document)

    def __exit__(self, *_: object) -> None:
        for role in self._roles:
            self._iam.delete_role_policy(RoleName=role, PolicyName="broken")


def disable_retries(aws: EmbeddedAws) -> None:
    """Send failed batches of the stream and failed asynchronous calls to their queues without retries."""
    functions = aws.client("lambda")
    functions.update_event_source_mapping(
        UUID=stream_mapping(aws)["UUID"], MaximumRetryAttempts=0, BisectBatchOnFunctionError=False, BatchSize=5
    )
    for name in ("lambda-aggregate-local", "lambda-query-local"):
        functions.put_function_event_invoke_config(FunctionName=name, Qualifier="live", MaximumRetryAttempts=0)


@contextlib.contextmanager
def fail_after_one_second(aws: EmbeddedAws) -> Iterator[None]:
    """Dead-letter the queue's messages after one second and one attempt.

    Only for messages that have to fail: one whose function takes longer, as in a cold start under load, is delivered
    again, can't be deleted any more, and is dead-lettered although it was stored.
    """
    sqs, queue = aws.client("sqs"), url(aws, "queue-ingest-local")
    names = ["VisibilityTimeout", "RedrivePolicy"]
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    policy = json.dumps(json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1", "RedrivePolicy": policy})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: before[name] for name in names})


def event(kind: str, number: int) -> str:
    return json.dumps(
        {
            "specversion": "1.0", "id": str(number), "source": f"urn:{kind}", "type": kind,
            "time": "2026-01-01T00:00:00Z", "data": {"n": number},
        }
    )  # fmt: skip


def events(kind: str, count: int) -> list[str]:
    return [event(kind, number) for number in range(count)]


def url(aws: EmbeddedAws, queue: str) -> str:
    """Return the URL of a queue."""
    return str(aws.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])


def send(aws: EmbeddedAws, lines: list[str], queue: str = "queue-ingest-local") -> None:
    """Send messages to a queue."""
    cloud.send(aws, url(aws, queue), lines)


def purge(aws: EmbeddedAws, queue: str) -> None:
    """Delete the messages of a queue."""
    aws.client("sqs").purge_queue(QueueUrl=url(aws, queue))


def ready(aws: EmbeddedAws, queue: str) -> int:
    """Return the number of a queue's visible messages."""
    return cloud.depth(aws, url(aws, queue))[0]


def depth(aws: EmbeddedAws, queue: str) -> int:
    """Return the number of a queue's messages, in flight or not."""
    return sum(cloud.depth(aws, url(aws, queue)))


def bodies(aws: EmbeddedAws) -> list[dict[str, Any]]:
    """Return up to ten messages of the aggregation's dead-letter queue."""
    return [json.loads(message["Body"]) for message in cloud.received(aws, url(aws, "dlq-aggregate-local"))]


def batches(aws: EmbeddedAws) -> list[dict[str, Any]]:
    return [body["DDBStreamBatchInfo"] for body in bodies(aws) if "DDBStreamBatchInfo" in body]


def lost_records(aws: EmbeddedAws) -> int:
    return sum(batch["batchSize"] for batch in batches(aws))


def counted(aws: EmbeddedAws, kind: str) -> tuple[int, str]:
    """Count the events of the type in the aggregates, and sum their numbers."""
    question = json.dumps({"type": kind}).encode()
    answer = aws.client("lambda").invoke(FunctionName="lambda-query-local", Qualifier="live", Payload=question)
    totals = json.loads(answer["Payload"].read())["totals"]
    return totals["count"], totals["data"].get("n", {}).get("sum", "0")


def exactly(count: int) -> tuple[int, str]:
    """Return the answer of `counted` for so many events, each counted once."""
    return count, str(sum(range(count)))


def redrive(run: Commands, *arguments: str, code: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run("scripts/estate", "redrive", *arguments, "--json", code=code).stdout)
    return answer


def queue_of(answer: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(queue for queue in answer["queues"] if queue["queue"] == f"dlq-{name}-local")
    return found


def record(text: str) -> dict[str, Any]:
    """A record as the stream hands it to the aggregation."""
    change = {"SequenceNumber": "1", "NewImage": {"event_key": {"S": parse(text).key}, "event": {"S": text}}}
    return {"eventName": "INSERT", "dynamodb": change}
