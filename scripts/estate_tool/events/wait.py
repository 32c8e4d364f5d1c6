"""Waiting until everything sent is accounted for, with a hint where the rest is when that takes too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed
from estate_tool.events.counted import CountedEvents
from estate_tool.events.counted_before import stored_before
from estate_tool.events.dead_letters import DeadLetters, depth
from estate_tool.events.settlement import Settlement, TimedOut
from estate_tool.events.stream_failures import LostBatches
from foundation.catalog import CATALOG
from foundation.model import StreamTrigger

if TYPE_CHECKING:
    from estate_tool.console.progress import Progress
    from estate_tool.core.environment import Environment
    from estate_tool.events.ledger import Ledger

# Names of the catalog (foundation/catalog.py).
QUEUE, AGGREGATION, EVENTS, PAGES = "ingest", "aggregate", "events", "pages"
_AGAIN = "to wait again, send the same file with --wait: what is counted is not counted twice"


def events_table() -> str:
    """Return the catalog's name of the table whose stream the aggregation reads."""
    trigger = next(function.trigger for function in CATALOG.functions if function.name == AGGREGATION)
    assert isinstance(trigger, StreamTrigger)
    return trigger.table


def follow(environment: Environment, ledger: Ledger, timeout: float, progress: Progress) -> None:
    """Return when everything sent is accounted for; raise Failed after `timeout` s without news."""
    client, names = environment.client, environment.names
    settlement = Settlement(
        ledger=ledger,
        counted=CountedEvents(client("dynamodb"), names.table(EVENTS), names.table(PAGES)),
        ingest_failures=DeadLetters(client("sqs"), names.dead_letter_queue(QUEUE)),
        lost_batches=LostBatches(
            client("dynamodbstreams"),
            DeadLetters(client("sqs"), names.dead_letter_queue(AGGREGATION)),
            names.table(events_table()),
        ),
    )
    try:
        settlement.wait(timeout, lambda: progress.show(lambda: _standing(ledger)))
        table = names.table(events_table())
        for found in stored_before(client("dynamodb"), table, ledger.counted_events(), ledger.began):
            ledger.found_before(found)
            progress.show(lambda: _standing(ledger))
    except TimedOut as error:
        raise Failed(
            f"nothing arrived for {timeout:g} s: {ledger.missing:,} of {ledger.sent:,} messages are neither in the "
            "aggregates nor in a dead-letter queue",
            _whereabouts(environment),
        ) from error
    except KeyboardInterrupt as error:
        raise Failed(
            f"stopped waiting for {ledger.missing:,} of {ledger.sent:,} messages; all of them are sent, and worked off",
            _AGAIN,
        ) from error


def _standing(ledger: Ledger) -> str:
    before = f"{ledger.counted_before:,} counted before, "
    return (
        f"waiting: {ledger.aggregated:,} aggregated, {before}{ledger.duplicates:,} duplicates, "
        f"{ledger.dead_lettered:,} dead-lettered, {ledger.missing:,} to come"
    )


def _whereabouts(environment: Environment) -> str:
    names, sqs = environment.names, environment.client("sqs")
    queues = (names.queue(QUEUE), names.dead_letter_queue(QUEUE), names.dead_letter_queue(AGGREGATION))
    held = []
    for queue in queues:
        count = depth(sqs, queue)
        held.append(f"{queue} does not exist" if count is None else f"{queue} holds {count:,}")
    logs = " and ".join(names.log_group(function) for function in (QUEUE, AGGREGATION))
    return (
        f"messages: {', '.join(held)}\n"
        f"what the functions say: log groups {logs}\n"
        f"what is deployed: scripts/estate status {environment.name}\n{_AGAIN}"
    )
