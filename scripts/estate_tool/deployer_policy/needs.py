"""Notation of needed permissions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Conditions = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Needs:
    """A statement: actions on ARNs. `why` is given for those that AWS lets no narrower resource be named for."""

    actions: str
    on: tuple[str, ...]
    when: Conditions
    why: str


def needs(actions: str, *on: str, when: Conditions | None = None, why: str = "") -> Needs:
    """`actions` is the service, a colon and its actions: `sqs: CreateQueue DeleteQueue`."""
    return Needs(actions=actions, on=on, when=when or {}, why=why)


def arn(service: str, resource: str) -> str:
    """An ARN in the account and region, with what is left to be filled in."""
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource}"


def tags(list_: str = "ListTagsForResource") -> str:
    """The actions by which tags are read and written; services differ in the name of the first."""
    return f"{list_} TagResource UntagResource"
