"""Addresses of adopted functions: for those of their account who may call them with IAM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.adopt.model import Note
from estate_tool.adopt.services import template
from estate_tool.audit.access import is_of_url
from foundation.guardrails.documents import listed
from foundation.urls import FunctionUrl, problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.adopt.model import OldFunction
    from estate_tool.audit.collect import Collector
    from foundation.model import Trigger

_INSTEAD = "docs/what-functions-need.md, or a gateway of your own"


def read(collector: Collector, function: str) -> tuple[Mapping[str, Any], ...]:
    """Return the URLs of a function, of itself and of its aliases."""
    return tuple(
        collector.reader.pages("lambda", "list_function_url_configs", "FunctionUrlConfigs", FunctionName=function)
    )


def declared(old: OldFunction, trigger: Trigger | None, notes: list[Note]) -> FunctionUrl | None:
    """Return the function's address, for the roles and users that may call it now; the rest goes to `notes`."""
    if not old.urls:
        return None
    text = ", ".join(str(one.get("FunctionUrl")) for one in old.urls)
    made = FunctionUrl(invokers=tuple(dict.fromkeys(_invokers(old))))
    wrong = next(iter(problems("", made, triggered=trigger is not None)), None)
    if {str(one.get("AuthType")) for one in old.urls} != {"AWS_IAM"}:
        notes.append(Note.missing(old.name, "url", text, "addresses ask for IAM", _INSTEAD))
        return None
    if wrong:
        notes.append(Note.missing(old.name, "url", text, f"allowed: {wrong.allowed}", _INSTEAD))
        return None
    notes.append(Note.differs(old.name, "url", text, "an address is made anew", "tell callers the new one"))
    return made


def _invokers(old: OldFunction) -> Iterator[str]:
    for statement in old.callers:
        principal = statement.get("Principal")
        if is_of_url(statement) and isinstance(principal, dict):
            yield from (template(one, old) for one in listed(principal.get("AWS")))
