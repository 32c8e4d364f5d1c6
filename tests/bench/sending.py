"""Throughput of batches to a queue that takes as long as SQS."""

from __future__ import annotations

from itertools import islice
from typing import Any

import boto3

from estate_tool.events import flights, sender
from tests.bench.harness import Measured, Row, interleaved, wall
from tests.support import stub_aws

# SendMessageBatch of ten small messages takes SQS about this long.
SQS_SECONDS = 0.010


def _rates(client: Any, url: str, events: int, rounds: int) -> Measured:
    """Return events per second of the sender and of a plain loop."""
    texts = [flights.event(row) for row in islice(flights.rows(), events)]
    messages = [sender.Message(number, text, None) for number, text in enumerate(texts)]
    sent: list[int] = []

    def loop() -> None:
        for first in range(0, events, 10):
            entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts[first : first + 10])]
            assert not client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    def ours() -> None:
        sender.Sender(client, url).run(sender.batches(messages), lambda delivery: sent.append(len(delivery.sent)))

    measured = interleaved(lambda: events / wall(ours), lambda: events / wall(loop), rounds)
    assert sum(sent) == rounds * events
    return measured


def _measure(small: bool) -> Measured:
    with stub_aws.elsewhere(SQS_SECONDS) as address:
        client = boto3.client(
            "sqs", endpoint_url=address, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
        )
        return _rates(client, "https://queue", *((200, 1) if small else (5000, 5)))


ROWS = (
    Row(
        name="send", what="the sender, to a queue that takes 10 ms for a batch", against="a send_message_batch loop",
        unit="events/s", goal=3, more_is_better=True, measure=_measure,
    ),
)  # fmt: skip
