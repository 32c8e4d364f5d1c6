"""Limits that AWS enforces, as small checks of a resource's inputs. What is not known yet passes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local_aws.provider.wire import Properties

Failure = tuple[str, str]  # the property path that is wrong, and what is wrong with it
Rule = Callable[[Properties], "Failure | None"]


def within(name: str, low: float, high: float, unit: str = "", *, endless: bool = False) -> Rule:
    """The number lies in a range; with `endless`, −1 stands for no limit."""

    def rule(properties: Properties) -> Failure | None:
        value = properties.get(name)
        if not isinstance(value, int | float) or low <= value <= high or (endless and value == -1):
            return None
        allowed = f"{low} to {high}{unit and ' ' + unit}{', or -1 for no limit' if endless else ''}"
        return name, f"is {value}; allowed are {allowed}"

    return rule


def matches(name: str, pattern: str, form: str) -> Rule:
    """The text, or every text of the list, has the form of `pattern`; `form` states it in words."""

    def rule(properties: Properties) -> Failure | None:
        value = properties.get(name)
        wrong = [text for text in listed(value) if isinstance(text, str) and not re.fullmatch(pattern, text, re.DOTALL)]
        return (name, f'is "{wrong[0]}"; it must be {form}') if wrong else None

    return rule


def one_of(name: str, *allowed: str | int) -> Rule:
    """The value, or every value of the list, is one of these."""

    def rule(properties: Properties) -> Failure | None:
        wrong = [item for item in listed(properties.get(name)) if isinstance(item, str | int) and item not in allowed]
        return (name, f"is {wrong[0]!r}; allowed are {', '.join(map(str, allowed))}") if wrong else None

    return rule


def at_most(name: str, most: int) -> Rule:
    """The list, or the map, has no more members than that."""

    def rule(properties: Properties) -> Failure | None:
        value = properties.get(name)
        count = len(value) if isinstance(value, list | dict) else 0
        return (name, f"has {count} members; AWS allows {most}") if count > most else None

    return rule


def conflicts(*names: str) -> Rule:
    """At most one of these is given."""

    def rule(properties: Properties) -> Failure | None:
        given = [name for name in names if name in properties]
        return (given[1], f"can't stand beside {given[0]}: give one of them") if len(given) > 1 else None

    return rule


def exactly_one(*names: str) -> Rule:
    """One of these is given, and no other."""

    def rule(properties: Properties) -> Failure | None:
        if sum(name in properties for name in names) == 1:
            return None
        return names[0], f"or {' or '.join(names[1:])} is needed: exactly one of them"

    return rule


def required(name: str, *, beside: str) -> Rule:
    """`name` is needed where `beside` is given (and not false)."""

    def rule(properties: Properties) -> Failure | None:
        if name in properties or not properties.get(beside):
            return None
        return name, f"missing; {beside} needs it"

    return rule


def ordered(lower: str, upper: str) -> Rule:
    """One number is not above the other."""

    def rule(properties: Properties) -> Failure | None:
        low, high = properties.get(lower), properties.get(upper)
        if not isinstance(low, int | float) or not isinstance(high, int | float) or low <= high:
            return None
        return lower, f"is {low}, above {upper} ({high})"

    return rule


def document_size(name: str, most: int) -> Rule:
    """A policy document, counted without white space as IAM does, is not too long."""

    def rule(properties: Properties) -> Failure | None:
        text = properties.get(name)
        size = len(re.sub(r"\s", "", text)) if isinstance(text, str) else 0
        return (name, f"has {size} characters without white space; AWS allows {most}") if size > most else None

    return rule


def nested(path: str, *rules: Rule) -> Rule:
    """Rules for the object, or for every object of the list, at a dotted path."""

    def rule(properties: Properties) -> Failure | None:
        places: list[tuple[str, Any]] = [("", properties)]
        for step in path.split("."):
            places = [found for place in places for found in _step(place, step)]
        for where, value in places:
            for check in rules if isinstance(value, dict) else ():
                if failure := check(value):
                    return f"{where}.{failure[0]}".strip("."), failure[1]
        return None

    return rule


def _step(place: tuple[str, Any], step: str) -> list[tuple[str, Any]]:
    where, value = place
    found = value.get(step) if isinstance(value, dict) else None
    here = f"{where}.{step}".strip(".")
    return [(f"{here}[{i}]", item) for i, item in enumerate(found)] if isinstance(found, list) else [(here, found)]


def listed(value: Any) -> list[Any]:
    """A value as a list: the list it is, or of itself."""
    return value if isinstance(value, list) else [value]
