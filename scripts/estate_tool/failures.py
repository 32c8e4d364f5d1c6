"""Failure queues of an environment: which layer owns which, and what waits in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundation.catalog import CATALOG
from foundation.model import QueueTrigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.environment import Environment

_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


def failure_queues(layer: str) -> Iterator[str]:
    """Catalog names whose failure queue (dlq-NAME-SUFFIX) the layer owns."""
    if layer == "data":
        yield from (queue.name for queue in CATALOG.queues)
    elif layer == "compute":
        # A queue's consumer shares the queue's dead-letter queue; every other function has one of its own.
        yield from (function.name for function in CATALOG.functions if not isinstance(function.trigger, QueueTrigger))


def waiting_failures(environment: Environment, layers: tuple[str, ...]) -> dict[str, int]:
    """Messages, visible or in flight, in each failure queue of the layers that holds any."""
    sqs = environment.client("sqs")
    waiting: dict[str, int] = {}
    for layer in layers:
        for purpose in failure_queues(layer):
            name = environment.names.dead_letter_queue(purpose)
            try:
                url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
                attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))["Attributes"]
            except sqs.exceptions.QueueDoesNotExist:
                continue
            count = sum(int(attributes.get(key, 0)) for key in _COUNTS)
            if count:
                waiting[name] = count
    return waiting
