"""Behaviours of the estate's functions, with names, each with the permissions that it needs.

A behaviour can be started at any time, and returns the condition under which it came about. None needs another.
"""

from __future__ import annotations

import importlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aggregate.counting import LOOK_FIRST_EVENTS
from foundation.catalog import CATALOG
from foundation.model import Function, QueueTrigger, StreamTrigger
from foundation.naming import Arns, Names
from foundation.policies import execution_policy
from ingest.store import MAX_STATEMENTS
from shared.keys import event_key, series_key
from tests.integration.cloud import ACCOUNT
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws

ALIAS, HOUR = "live", "2013-01-01T05:00:00Z"
LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
QUEUE_ACTIONS = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
STREAM_ACTIONS = tuple(f"dynamodb:{it}" for it in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"))
Condition = Callable[[], bool]


class Estate:
    """A deployed environment, with an administrator's clients; failures are not retried, dead-letter queues emptied."""

    def __init__(self, aws: EmbeddedAws, suffix: str = "local") -> None:
        self.aws, self.names = aws, Names(suffix)
        self.arns = Arns(names=self.names, account=ACCOUNT, region="us-east-1")
        functions = aws.client("lambda")
        for function in CATALOG.functions:
            functions.put_function_event_invoke_config(
                FunctionName=self.names.function(function.name), Qualifier=ALIAS, MaximumRetryAttempts=0
            )
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            if ":dynamodb:" in mapping["EventSourceArn"]:
                functions.update_event_source_mapping(UUID=mapping["UUID"], MaximumRetryAttempts=0)

        for queue in aws.client("sqs").list_queues(QueueNamePrefix="dlq-").get("QueueUrls", []):
            if queue.endswith(f"-{suffix}"):
                aws.client("sqs").purge_queue(QueueUrl=queue)

    def invoke(self, function: str, payload: object, kind: str = "RequestResponse") -> bool:
        """Call a function; True if it answered without an error."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.names.function(function),
            Qualifier=ALIAS,
            Payload=json.dumps(payload),
            InvocationType=kind,
        )
        return "FunctionError" not in answer

    def url(self, queue: str) -> str:
        """The URL of a queue by its physical name."""
        return f"{self.aws.endpoint}/{ACCOUNT}/{queue}"

    def send(self, queue: str, body: str) -> None:
        """Put a message into a queue."""
        self.aws.client("sqs").send_message(QueueUrl=self.url(queue), MessageBody=body)

    def take(self, queue: str, wanted: Callable[[dict[str, Any]], bool]) -> bool:
        """True if the queue holds a wanted message, which is taken out."""
        sqs, url = self.aws.client("sqs"), self.url(queue)
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, AttributeNames=["All"])
        for message in found.get("Messages", []):
            if wanted(message):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                return True
        return False

    def has(self, table: str, **key: str) -> bool:
        """True if a table has an item."""
        wanted = {name: {"S": value} for name, value in key.items()}
        answer = self.aws.client("dynamodb").get_item(
            TableName=self.names.table(table), Key=wanted, ConsistentRead=True
        )
        return "Item" in answer


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """An observable effect of a function; `needs` are the actions it takes, by resource, named without suffix."""

    function: str
    name: str
    start: Callable[[Estate], Condition]
    needs: Mapping[str, tuple[str, ...]]


def label(arn: str, arns: Arns) -> str:
    """Return the name of an ARN's resource without the environment's suffix: table-events, queue-ingest."""
    resource = arn.split(":", 5)[5].removeprefix("table/").removeprefix("log-group:")
    return resource.replace(f"-{arns.names.suffix}", "")


def event(name: str, event_type: str = "") -> str:
    """Return an event whose source, id and, unless given, type are the name."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": name,
            "source": name,
            "type": event_type or name,
            "time": HOUR,
            "data": {"number": 1},
        }
    )


def message(body: str, number: int = 1) -> dict[str, str]:
    """Return a message in the form in which Lambda passes it to a function."""
    return {"messageId": str(number), "receiptHandle": "none", "body": body}


def item(name: str, text: str) -> dict[str, dict[str, str]]:
    """An item of the events table."""
    return {"event_key": {"S": event_key(name, name)}, "event": {"S": text}}


def _stored(estate: Estate, name: str) -> bool:
    return estate.has("events", event_key=event_key(name, name))


def _counted(estate: Estate, name: str) -> bool:
    return estate.has("aggregates", series=series_key(name), hour=HOUR)


def logs_written(function: str, estate: Estate) -> Condition:
    """Delete the function's log streams: its first line has to create one, as in a new environment."""
    logs, group = estate.aws.client("logs"), estate.names.log_group(function)
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])
    estate.invoke(function, {"Records": []})
    return lambda: bool(logs.filter_log_events(logGroupName=group)["events"])


def failed_call_kept(function: str, failures: str, estate: Estate) -> Condition:
    """Call asynchronously with a payload that no function understands."""
    name = uuid.uuid4().hex
    estate.invoke(function, {"nonsense": name}, kind="Event")
    return lambda: estate.take(estate.names.dead_letter_queue(failures), lambda found: name in found["Body"])


def queue_consumed(estate: Estate) -> Condition:
    """Send a message, which the mapping has to deliver."""
    name = uuid.uuid4().hex
    estate.send(estate.names.queue("ingest"), event(name))
    return lambda: _stored(estate, name)


def event_stored(estate: Estate) -> Condition:
    """Call with a batch twice: redelivery changes nothing."""
    name = uuid.uuid4().hex
    for _ in range(2):
        estate.invoke("ingest", {"Records": [message(event(name))]})
    return lambda: _stored(estate, name)


def batch_redelivered(estate: Estate) -> Condition:
    """Call with a batch whose first request is all known: the others are read before they are written."""
    name = uuid.uuid4().hex
    known = [event(f"{name}-{number}", name) for number in range(MAX_STATEMENTS)]
    estate.invoke("ingest", {"Records": [message(text, number) for number, text in enumerate(known)]})
    again = [*known, event(name)]
    estate.invoke("ingest", {"Records": [message(text, number) for number, text in enumerate(again)]})
    return lambda: _stored(estate, name)


def invalid_message_dead_lettered(estate: Estate) -> Condition:
    """Send a message that can never be stored, and would be redelivered for days."""
    name = uuid.uuid4().hex
    estate.send(estate.names.queue("ingest"), name)
    return lambda: estate.take(estate.names.dead_letter_queue("ingest"), lambda found: found["Body"] == name)


def stream_consumed(estate: Estate) -> Condition:
    """Put an item, whose record the mapping has to deliver."""
    name = uuid.uuid4().hex
    table = estate.names.table("events")
    estate.aws.client("dynamodb").put_item(TableName=table, Item=item(name, event(name)))
    return lambda: _counted(estate, name)


def event_counted(estate: Estate) -> Condition:
    """Call with a batch twice: redelivery changes nothing."""
    name = uuid.uuid4().hex
    # So many that the records of their pages are read before anything is written.
    changes = [
        {"NewImage": item(f"{name}-{number}", event(f"{name}-{number}", name)), "SequenceNumber": str(number)}
        for number in range(LOOK_FIRST_EVENTS)
    ]
    for _ in range(2):
        estate.invoke("aggregate", {"Records": [{"eventName": "INSERT", "dynamodb": change} for change in changes]})
    return lambda: _counted(estate, name)


def message_delayed(estate: Estate) -> Condition:
    """Call with a message of many deliveries, without access to the table: it has to stay hidden for a while."""
    with _not_consumed(estate):
        # A poll that was under way when the mapping was disabled may take the first one.
        name, handle = expect_soon(
            lambda: _received(estate, estate.names.queue("ingest")), "a message that is received"
        )
    record = {
        "messageId": "1", "receiptHandle": handle, "body": event(name), "attributes": {"ApproximateReceiveCount": "9"},
    }  # fmt: skip
    function = estate.names.function("ingest")
    functions = estate.aws.client("lambda")
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    nowhere = {**variables, "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}
    try:
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": nowhere})
        functions.invoke(FunctionName=function, Payload=json.dumps({"Records": [record]}))
    finally:
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
    soon = time.monotonic() + 25
    return lambda: time.monotonic() > soon and not _stored(estate, name)


def _received(estate: Estate, queue: str) -> tuple[str, str] | None:
    """Send an event and hide its message for a while; its name and receipt. None if another consumer took it."""
    name, sqs, url = uuid.uuid4().hex, estate.aws.client("sqs"), estate.url(queue)
    estate.send(queue, event(name))
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=20).get("Messages", [])
    for other in (one for one in found if one["Body"] != event(name)):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=other["ReceiptHandle"], VisibilityTimeout=0)
    return next(((name, one["ReceiptHandle"]) for one in found if one["Body"] == event(name)), None)


@contextmanager
def _not_consumed(estate: Estate) -> Iterator[None]:
    """Stop the consumption of queue-ingest."""
    functions = estate.aws.client("lambda")
    (mapping,) = functions.list_event_source_mappings(EventSourceArn=estate.arns.queue("ingest"))["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def record_reported(estate: Estate) -> Condition:
    """Put an item that is no event."""
    name = uuid.uuid4().hex
    table = estate.names.table("events")
    estate.aws.client("dynamodb").put_item(TableName=table, Item=item(name, f"no event {name}"))
    return lambda: estate.take(estate.names.dead_letter_queue("aggregate"), lambda found: name in found["Body"])


def question_answered(estate: Estate) -> Condition:
    """Query a type that was never sent."""
    answered = estate.invoke("query", {"type": uuid.uuid4().hex})
    return lambda: answered


def _of_every(function: Function) -> tuple[Behaviour, Behaviour]:
    """Behaviours of every function."""
    name, trigger = function.name, function.trigger
    failures = trigger.queue if isinstance(trigger, QueueTrigger) else name
    return (
        Behaviour(
            function=name, name="its log is written", start=partial(logs_written, name),
            needs={f"/aws/lambda/lambda-{name}:*": LOG_ACTIONS},
        ),
        Behaviour(
            function=name, name=f"an asynchronous call that fails is kept in dlq-{failures}",
            start=partial(failed_call_kept, name, failures), needs={f"dlq-{failures}": ("sqs:SendMessage",)},
        ),
    )  # fmt: skip


_OWN = (
    Behaviour(
        function="ingest", name="messages of queue-ingest reach it", start=queue_consumed,
        needs={"queue-ingest": QUEUE_ACTIONS},
    ),
    Behaviour(
        function="ingest", name="a valid event is stored", start=event_stored,
        needs={"table-events": ("dynamodb:PartiQLInsert",)},
    ),
    Behaviour(
        function="ingest", name="a new event of a batch that is delivered again is stored", start=batch_redelivered,
        needs={"table-events": ("dynamodb:BatchGetItem", "dynamodb:PartiQLInsert")},
    ),
    Behaviour(
        function="ingest", name="an invalid message is in dlq-ingest within seconds",
        start=invalid_message_dead_lettered, needs={"dlq-ingest": ("sqs:SendMessage",)},
    ),
    Behaviour(
        function="ingest", name="a message that can't be stored for now waits ever longer", start=message_delayed,
        needs={"queue-ingest": ("sqs:ChangeMessageVisibility",)},
    ),
    Behaviour(
        function="aggregate", name="new items of table-events reach it", start=stream_consumed,
        needs={"table-events/stream/*": STREAM_ACTIONS},
    ),
    Behaviour(
        function="aggregate", name="a stored event is counted", start=event_counted,
        needs={
            "table-pages": ("dynamodb:BatchGetItem", "dynamodb:PutItem"),
            "table-aggregates": ("dynamodb:UpdateItem",),
        },
    ),
    Behaviour(
        function="aggregate", name="a record that can't be counted is in dlq-aggregate", start=record_reported,
        needs={"dlq-aggregate": ("sqs:SendMessage",)},
    ),
    Behaviour(
        function="query", name="a question is answered", start=question_answered,
        needs={"table-aggregates": ("dynamodb:Query",)},
    ),
)  # fmt: skip


def message_consumed(function: str, queue: str, estate: Estate) -> Condition:
    """Send a message, which the mapping has to deliver and its function to process."""
    body, sqs, url = _first_body(function), estate.aws.client("sqs"), estate.url(estate.names.queue(queue))
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    estate.send(estate.names.queue(queue), body)

    def met() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names) == 0

    return met


def _first_body(function: str) -> str:
    return str(_payload(function)["Records"][0]["body"])


def item_consumed(function: str, table: str, estate: Estate) -> Condition:
    """Put an item, whose record the mapping has to deliver: its function logs it."""
    declared, logs = CATALOG.table(table), estate.aws.client("logs")
    keys = [key for key in (declared.hash_key, declared.range_key) if key]
    since = int(time.time() * 1000)
    item = {key: {"S": uuid.uuid4().hex} for key in keys}
    estate.aws.client("dynamodb").put_item(TableName=estate.names.table(table), Item=item)
    group = estate.names.log_group(function)
    return lambda: bool(logs.filter_log_events(logGroupName=group, startTime=since)["events"])


def payload_processed(function: str, estate: Estate) -> Condition:
    """Call with the payload that has the function use all its grants."""
    done = estate.invoke(function, _payload(function))
    return lambda: done


def _payload(function: str) -> Any:
    (package,) = (each.package for each in CATALOG.functions if each.name == function)
    return importlib.import_module(f"tests.lambdas.{package}.payload").PAYLOAD


def _of_declaration(function: Function) -> Iterator[Behaviour]:
    """Behaviours that follow from a declaration alone, for a function that has none above."""
    name, trigger = function.name, function.trigger
    if isinstance(trigger, QueueTrigger):
        yield Behaviour(
            function=name, name=f"messages of queue-{trigger.queue} reach it",
            start=partial(message_consumed, name, trigger.queue), needs={f"queue-{trigger.queue}": QUEUE_ACTIONS},
        )  # fmt: skip
    if isinstance(trigger, StreamTrigger):
        yield Behaviour(
            function=name, name=f"new items of table-{trigger.table} reach it",
            start=partial(item_consumed, name, trigger.table),
            needs={f"table-{trigger.table}/stream/*": STREAM_ACTIONS},
        )  # fmt: skip
    if function.grants:
        needs = _granted(function)
        yield Behaviour(
            function=name, name="its payload is processed", start=partial(payload_processed, name), needs=needs
        )


def _granted(function: Function) -> Mapping[str, tuple[str, ...]]:
    """Return the actions of the function's grants, by what they are on."""
    arns = Arns(names=Names("dev"), account=ACCOUNT, region="us-east-1")
    own = len(execution_policy(replace(function, grants=()), arns)["Statement"])
    found: dict[str, tuple[str, ...]] = {}
    for item in execution_policy(function, arns, CATALOG.secrets)["Statement"][own:]:
        on = label(item["Resource"], arns)
        # The embedded AWS does not check the use of keys.
        if item["Action"] != ["kms:Decrypt"]:
            found[on] = (*found.get(on, ()), *item["Action"])
    return found


_WRITTEN_DOWN = {behaviour.function for behaviour in _OWN}
BEHAVIOURS = (
    *(behaviour for function in CATALOG.functions for behaviour in _of_every(function)),
    *_OWN,
    *(
        behaviour
        for function in CATALOG.functions
        if function.name not in _WRITTEN_DOWN
        for behaviour in _of_declaration(function)
    ),
)
