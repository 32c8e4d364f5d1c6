"""Environment variables of adopted functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from estate_tool.adopt.model import Note
from foundation import values
from foundation.values import PerEnvironment, variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from estate_tool.adopt.model import Declared, OldFunction, Source

# A value under such a name, or of such a form, is not written into a file.
_SECRET_NAME = re.compile(
    r"PASSW|SECRET|TOKEN|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|(^|_)(PWD|PASS|KEY|AUTH)(_|$)", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN|://[^/\s:@]+:[^/\s@]+@|\bgh[pousr]_\w{20,}|\bsk-\w{16,}"
)


class Values(NamedTuple):
    """Values of old environments that name something declared.

    `variables` maps names, ARNs and URLs of tables and queues to their variables here, `functions` names and ARNs of
    functions to their logical names; `secrets` are names and ARNs of secrets, which keep them.
    """

    variables: Mapping[str, str]
    functions: Mapping[str, str]
    secrets: frozenset[str]


def known_values(source: Source, declared: Declared) -> Values:
    """Return the values that name something declared."""
    named = dict.fromkeys(source.dead_letters, "DEAD_LETTER_QUEUE")
    named |= {arn: variable("TABLE", name) for arn, name in declared.tables.items()}
    named |= {arn: variable("QUEUE", name) for arn, name in declared.queues.items()}
    variables: dict[str, str] = {}
    for arn, name in named.items():
        table, queue = source.tables.get(arn), source.queues.get(arn)
        forms = (arn, *((table.name,) if table else ()), *((queue.name, queue.url) if queue else ()))
        variables |= dict.fromkeys(forms, name)
    return Values(
        variables=variables,
        functions={form: new for arn, new in declared.functions.items() for form in (arn, arn.split(":")[6])},
        secrets=frozenset(text for arn, one in declared.secrets.items() for text in (arn, one.parameter or one.secret)),
    )


def environment(old: OldFunction, known: Values, notes: list[Note]) -> dict[str, str | PerEnvironment]:
    """Return the variables of a function's declaration; those that it can't hold go to `notes`."""
    kept: dict[str, str | PerEnvironment] = {}
    for key, value in sorted(old.environment.items()):
        if known.variables.get(value) == key and _has_form_of_here(key, value):
            continue
        if note := _note(old, key, value, known):
            notes.append(note)
        if not note or note.kind == "differs":
            kept[key] = PerEnvironment() if note else value
    if error := (old.settings.get("Environment") or {}).get("Error"):
        why = str(error.get("Message") or "it can't be read")
        reason = "its key does not open for these credentials"
        notes.append(Note("missing", old.name, "environment", why, reason, "set it by hand"))
    return kept


def _has_form_of_here(key: str, value: str) -> bool:
    """True for a table's name and a queue's URL, which variables of this estate have."""
    return ":" not in value if key.startswith("TABLE_") else "://" in value


def _note(old: OldFunction, key: str, value: str, known: Values) -> Note | None:
    """Return the note on a variable: `differs` for one that an environment sets, None for one that stays."""
    if value in known.variables:
        reason = "names of granted tables and queues come under names of their own"
        return Note("code", old.name, "environment", f"{key}={value}", reason, f"read {known.variables[value]}")
    if value not in known.secrets and (_SECRET_NAME.search(key) or _SECRET_VALUE.search(value)):
        reason = "it looks like a secret, which belongs into no file"
        instead = "a Secret of the catalog: docs/what-functions-need.md"
        return Note("missing", old.name, "environment", key, reason, instead)
    if list(values.problems("", {key: value})):
        reason = "names are upper-case, and not one of those set for every function"
        return Note("missing", old.name, "environment", key, reason, "rename it here and in the code")
    if value in known.functions:
        reason = "an environment has a function of its own by that name"
        instead = f"set compute:environment in its file: lambda-{known.functions[value]}-ENV:live"
        return Note("differs", old.name, "environment", f"{key}={value}", reason, instead)
    return None
