"""Failure queues of an environment: which layer owns which, and what waits in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.dead_letters import depth
from foundation.catalog import CATALOG
from foundation.model import QueueTrigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.environment import Environment


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
            count = depth(sqs, name)
            if count:
                waiting[name] = count
    return waiting
