"""Throughput of batches to a queue that takes as long as SQS, no time, or as long as the embedded AWS."""

from __future__ import annotations

import tempfile
from dataclasses import astuple
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

import boto3

from estate_tool.core.batch_client import direct
from estate_tool.events import flights, sender
from tests.bench.harness import Measured, Row, interleaved, wall
from tests.integration.conftest import running
from tests.support import stub_aws

# SendMessageBatch of ten small messages takes SQS about this long.
SQS_SECONDS = 0.010


def _rates(client: Any, url: str, events: int, rounds: int) -> Measured:
    """Events per second of the sender against the loop that everybody writes first."""
    texts = [flights.event(row) for row in islice(flights.rows(), events)]
    messages = [sender.Message(number, text, None) for number, text in enumerate(texts)]
    sent: list[int] = []

    def loop() -> None:
        for first in range(0, events, 10):
            entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts[first : first + 10])]
            assert not client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    def ours() -> None:
        queue = direct(client)
        sender.Sender(queue, url).run(sender.batches(messages), lambda delivery: sent.append(len(delivery.sent)))

    measured = interleaved(lambda: events / wall(ours), lambda: events / wall(loop), rounds)
    assert sum(sent) == rounds * events
    return measured


def _client(address: str, key: str = "any", secret: str = "any") -> Any:
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
    boto3.DEFAULT_SESSION = session
    return session.client("sqs", endpoint_url=address)


def _stubbed(seconds: float, small: bool) -> Measured:
    with mock.patch.object(boto3, "DEFAULT_SESSION", None), stub_aws.elsewhere(seconds) as address:
        return _rates(_client(address), "https://queue", *((200, 1) if small else (5000, 5)))


def _embedded(small: bool) -> Measured:
    with (
        mock.patch.object(boto3, "DEFAULT_SESSION", None),
        tempfile.TemporaryDirectory() as home,
        running(Path(home)) as aws,
    ):
        client = _client(aws.endpoint, *astuple(aws.administrator))
        url = client.create_queue(QueueName="bench")["QueueUrl"]
        measured = _rates(client, url, *((200, 1) if small else (3000, 3)))
    return Measured(a=measured.a, b=measured.b, note="one process answers everybody: it is what both wait for")


ROWS = (
    Row(
        name="send", what="the sender, to a queue that takes 10 ms for a batch", against="a send_message_batch loop",
        unit="events/s", goal=3, more_is_better=True, measure=partial(_stubbed, SQS_SECONDS),
    ),
    Row(
        name="send-processor", what="the sender, to a queue that takes no time", against="a send_message_batch loop",
        unit="events/s", goal=3, more_is_better=True, measure=partial(_stubbed, 0.0),
    ),
    Row(
        name="send-embedded", what="the sender, to the embedded AWS", against="a send_message_batch loop",
        unit="events/s", goal=3, more_is_better=True, measure=_embedded,
    ),
)  # fmt: skip
