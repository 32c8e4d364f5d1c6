"""Adds events to the aggregates, exactly once: one transaction marks events as counted and adds what they sum up to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aggregate.records import Inserted
from shared.aggregates import numbers_of
from shared.aws import Caller
from shared.deadline import Deadline
from shared.events import MAX_SUMS, SUMS_PER_FIELD, Event, sums_of
from shared.keys import series_key
from shared.statistics import Summary
from shared.transactions import MAX_ACTIONS, Actions, Committer, Verdicts

MARK_LIFE_SECONDS = 30 * 86_400
"""Marks outlive events, so that an event delivered again after its deletion is not counted again."""


class Target(NamedTuple):
    """An aggregate: a series (the subject is None for all subjects together) at one hour."""

    type: str
    subject: str | None
    hour: str


def targets(event: Event) -> tuple[Target, Target]:
    """Return the two aggregates an event counts in: its subject's, and the one of all subjects of its type."""
    return Target(event.type, event.subject, event.hour), Target(event.type, None, event.hour)


class Counter:
    """The tables of marks and of aggregates."""

    def __init__(self, client: Caller, table_marks: str, table_aggregates: str) -> None:
        self._client = client
        self._table_marks = table_marks
        self._table_aggregates = table_aggregates

    def count(self, inserted: Sequence[Inserted], deadline: Deadline) -> Verdicts[Inserted]:
        """Count the events that have not been counted yet; no two of them may have the same key."""
        committer = Committer(self._client, self._actions, deadline)
        # Neighbours share aggregates, by hour before subject even both of theirs: fewer, smaller transactions.
        for chunk in chunks(sorted(inserted, key=lambda entry: _place(entry.event))):
            committer.commit(chunk)
        return committer.verdicts

    def _actions(self, chunk: Sequence[Inserted]) -> Actions:
        sums: dict[Target, Summary] = {}
        for entry in chunk:
            for target in targets(entry.event):
                sums.setdefault(target, Summary()).add_event(entry.event.measures)
        marks = [self._mark(entry) for entry in chunk]
        return marks + [self._addition(target, summary) for target, summary in sums.items()]

    def _mark(self, entry: Inserted) -> dict[str, Any]:
        item = {"event_key": {"S": entry.event.key}}
        if entry.expires_at is not None:
            item["expires_at"] = {"N": str(entry.expires_at + MARK_LIFE_SECONDS)}
        condition = "attribute_not_exists(event_key)"
        return {"Put": {"TableName": self._table_marks, "Item": item, "ConditionExpression": condition}}

    def _addition(self, target: Target, summary: Summary) -> dict[str, Any]:
        """Return the Update that adds the summary, and says in plain text whose series the item belongs to."""
        names, values, settings, additions = {}, {}, [], []
        for name, label in (("type", target.type), ("subject", target.subject)):
            if label is not None:
                names[f"#{name}"], values[f":{name}"] = name, {"S": label}
                settings.append(f"#{name} = :{name}")
        for position, (name, number) in enumerate(numbers_of(summary).items()):
            names[f"#{position}"], values[f":{position}"] = name, {"N": number}
            additions.append(f"#{position} :{position}")
        update = {
            "TableName": self._table_aggregates,
            "Key": {"series": {"S": series_key(target.type, target.subject)}, "hour": {"S": target.hour}},
            "UpdateExpression": f"SET {', '.join(settings)} ADD {', '.join(additions)}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        return {"Update": update}


def _place(event: Event) -> tuple[str, str, str]:
    return event.type, event.hour, event.subject


def chunks(inserted: Iterable[Inserted]) -> Iterator[list[Inserted]]:
    """Cut the events into parts that each fit a transaction, by actions and by numbers added to one aggregate."""
    chunk: list[Inserted] = []
    loads: dict[Target, dict[str, int]] = {}
    for entry in inserted:
        load = _load(entry)
        grown = {target: _larger(loads.get(target, {}), load) for target in targets(entry.event)}
        actions = len(chunk) + 1 + len({**loads, **grown})
        if chunk and (actions > MAX_ACTIONS or any(sum(sums.values()) >= MAX_SUMS for sums in grown.values())):
            yield chunk
            chunk, loads = [], {}
            grown = dict.fromkeys(targets(entry.event), load)
        chunk.append(entry)
        loads.update(grown)
    if chunk:
        yield chunk


def _load(entry: Inserted) -> dict[str, int]:
    """Return field → numbers it adds to; the upper bound where even that allows plenty of events."""
    measures = entry.event.measures
    if len(measures) * SUMS_PER_FIELD < MAX_SUMS:
        return dict.fromkeys(measures, SUMS_PER_FIELD)
    return {field: sums_of(value) for field, value in measures.items()}


def _larger(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {**one, **{field: max(sums, one.get(field, 0)) for field, sums in other.items()}}
