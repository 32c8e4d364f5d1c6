"""Aggregates: updates that add to them, and the number of field names that each may have.

An aggregate holds a few numbers per field name, so that names without end (ids as keys) would fill it to the 400 KB of
an item. The string set `fields` has a short hash of each name, of a long one several, and no write lets it outgrow its
bound: 300 of them are 260 KB of names and numbers at most.
"""

import base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from shared.aggregates import numbers_of
from shared.events import Event
from shared.keys import series_key
from shared.statistics import Summary

BYTES_PER_HASH = 128
"""A field's name counts once for each 128 bytes it begins."""


class Target(NamedTuple):
    """An aggregate: a series (the subject is None for all subjects together) at one hour."""

    type: str
    subject: str | None
    hour: str


def targets(event: Event) -> tuple[Target, Target]:
    """Return the two aggregates an event counts in: its subject's, and the one of all subjects of its type."""
    return Target(event.type, event.subject, event.hour), Target(event.type, None, event.hour)


@lru_cache(maxsize=4096)
def hashes_of(field: str) -> frozenset[str]:
    """Return the hashes that represent a field's name in the set."""
    name = field.encode("utf-8")
    digest = sha256(name).digest()
    return frozenset(
        base64.urlsafe_b64encode(sha256(digest + bytes([part])).digest()[:6]).decode("ascii")
        for part in range(1 + len(name) // BYTES_PER_HASH)
    )


@lru_cache(maxsize=256)
def _hashes_of_all(fields: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*map(hashes_of, fields))


@lru_cache(maxsize=256)
def _sorted(hashes: frozenset[str]) -> list[str]:
    return sorted(hashes)


class _Form(NamedTuple):
    """Common part of the updates of all aggregates that add to the same attributes."""

    names: Mapping[str, str]
    values: Sequence[str]
    expression: str


@lru_cache(maxsize=256)
def _form(attributes: tuple[str, ...], has_subject: bool) -> _Form:
    """Return the form of an update that adds to these attributes, and names its type and perhaps its subject."""
    labels = ("type", "subject") if has_subject else ("type",)
    added = [f"#{number} :{number}" for number in range(len(attributes))]
    names = {f"#{name}": name for name in labels} | {f"#{n}": name for n, name in enumerate(attributes)}
    settings = ", ".join(f"#{name} = :{name}" for name in labels)
    values = [f":{number}" for number in range(len(attributes))]
    return _Form(names, values, f"SET {settings} ADD {', '.join(added)}")


class Aggregates:
    """The table of aggregates, as far as this batch knows it."""

    def __init__(self, table: str, most_fields: int) -> None:
        self._table = table
        self._most = most_fields
        self._taken: dict[Target, frozenset[str]] = {}

    def learn(self, target: Target, item: Mapping[str, Any] | None) -> bool:
        """Remember which field names an aggregate has, where it has no room for all; return whether that is new."""
        before = self._taken.get(target)
        self._taken[target] = frozenset(item["fields"]["SS"]) if item and "fields" in item else frozenset()
        return self._taken[target] != before

    def add(self, target: Target, summary: Summary) -> tuple[dict[str, Any], frozenset[str]]:
        """Return the action that adds the summary, and the fields for which there is no room."""
        new, kept, left_out = self._room(target, summary)
        numbers = numbers_of(kept)
        form = _form(tuple(numbers), target.subject is not None)
        names = dict(form.names)
        values: dict[str, Any] = {
            value: {"N": number} for value, number in zip(form.values, numbers.values(), strict=True)
        }
        values[":type"] = {"S": target.type}
        if target.subject is not None:
            values[":subject"] = {"S": target.subject}
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"series": {"S": series_key(target.type, target.subject)}, "hour": {"S": target.hour}},
            "UpdateExpression": form.expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        if new:
            names["#fields"], values[":fields"] = "fields", {"SS": _sorted(new)}
            update["UpdateExpression"] += ", #fields :fields"
            update["ConditionExpression"], bound = self._condition(target, len(new))
            values.update(bound)
            update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return {"Update": update}, left_out

    def _room(self, target: Target, summary: Summary) -> tuple[frozenset[str], Summary, frozenset[str]]:
        """Return the hashes to add, the part of the summary that can be added, and the fields that can't."""
        wanted = _hashes_of_all(tuple(summary.fields))
        if target not in self._taken and len(wanted) <= self._most:
            return wanted, summary, frozenset()
        taken = set(self._taken.get(target, ()))
        before = frozenset(taken)
        left_out = set()
        for field in summary.fields:
            if len(taken | hashes_of(field)) <= self._most:
                taken |= hashes_of(field)
            else:
                left_out.add(field)
        kept = {field: moments for field, moments in summary.fields.items() if field not in left_out}
        return frozenset(taken - before), Summary(summary.events, kept), frozenset(left_out)

    def _condition(self, target: Target, new: int) -> tuple[str, dict[str, Any]]:
        """Return the condition under which there is room for so many hashes more."""
        taken = self._taken.get(target)
        if taken is None:
            room = {":room": {"N": str(self._most - new)}}
            return "attribute_not_exists(#fields) OR size(#fields) <= :room", room
        # A set that only grows and has the size it had is the set it was.
        if taken:
            return "size(#fields) = :size", {":size": {"N": str(len(taken))}}
        return "attribute_not_exists(#fields)", {}
