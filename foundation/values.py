"""Environment variables that the catalog declares, with values from the catalog or from an environment's file."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from foundation.problems import InvalidConfiguration, Problem, one_of
from foundation.stack_files import name_of
from foundation.yaml_text import Scalar, located

KEY = "compute:environment"
# "Lambda quotas": all environment variables of a function together, names and values.
MAXIMUM_BYTES = 4096
# Set by the estate itself, or kept by Lambda for itself ("Defined runtime environment variables").
RESERVED = ("AWS_", "LAMBDA_", "TABLE_", "QUEUE_", "SECRET_", "DEAD_LETTER_QUEUE")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class PerEnvironment:
    """A value from compute:environment in environments/Pulumi.<env>.yaml, else the default.

    Without either, a rollout is refused.
    """

    default: str | None = None


Values = Mapping[str, str | PerEnvironment]


def variable(kind: str, name: str) -> str:
    """Return the variable's name for a granted table, queue or secret: TABLE_HOURLY_SUMS."""
    return f"{kind}_{re.sub('[^a-z0-9]', '_', name).upper()}"


def problems(where: str, declared: Values) -> Iterator[Problem]:
    """Yield a problem for each invalid or reserved name of a variable."""
    for name in declared:
        if not _VARIABLE.fullmatch(name) or name.startswith(RESERVED):
            allowed = f"upper-case letters, digits and _; not {', '.join(RESERVED)}, set for it"
            yield Problem(where=f"{where} environment", value=name, allowed=allowed)


def resolve(
    declared: Mapping[str, Values], configured: Mapping[str, Any], taken: Mapping[str, int], stack: str
) -> dict[str, dict[str, str]]:
    """Return the values of every function's variables; raise InvalidConfiguration with all problems.

    `configured` are the environment's values by function and name, `taken` the bytes of other variables by function.
    """
    found = [
        Problem(where=located(name, f"{KEY}.{name}"), value=name, allowed=f"no such function; {one_of(declared, name)}")
        for name in configured
        if name not in declared
    ]
    values: dict[str, dict[str, str]] = {}
    for function, names in declared.items():
        given = configured.get(function) or {}
        if not isinstance(given, Mapping):
            where = located(given, f"{KEY}.{function}")
            found.append(Problem(where=where, value=given, allowed="values by the names of variables"))
            continue
        found += _wrong(function, names, given, stack)
        values[function] = {name: str(_value(given.get(name), declared)) for name, declared in names.items()}
        size = taken.get(function, 0) + sum(len((name + text).encode()) for name, text in values[function].items())
        if size > MAXIMUM_BYTES:
            allowed = f"at most {MAXIMUM_BYTES} for all variables together, names and values (Lambda quotas)"
            found.append(Problem(where=f"{KEY}.{function} bytes", value=size, allowed=allowed))
    if found:
        raise InvalidConfiguration(found)
    return values


def _value(given: Any, declared: str | PerEnvironment) -> Any:
    if isinstance(declared, str):
        return declared
    return given if given is not None else declared.default


def _wrong(function: str, declared: Values, given: Mapping[str, Any], stack: str) -> Iterator[Problem]:
    own = {name: value for name, value in declared.items() if isinstance(value, PerEnvironment)}
    for name, value in given.items():
        where = located(value, f"{KEY}.{function}.{name}")
        if name not in own:
            yield Problem(where=where, value=name, allowed=_unknown(name, declared, own))
        elif isinstance(value, Mapping):
            allowed = "plain text: what is secret is a Secret of the catalog, read at run time"
            yield Problem(where=where, value=value, allowed=allowed)
        elif not isinstance(value, str) or (isinstance(value, Scalar) and not value.is_text):
            yield Problem(where=where, value=value, allowed=f'text: quote it: "{value}"')
        elif not value:
            yield Problem(where=where, value=value, allowed="text that is not empty")
    for name, value in own.items():
        if given.get(name) is None and value.default is None:
            allowed = f"a text: foundation/catalog.py declares it without a default; set it in {name_of(stack)}"
            yield Problem(where=f"{KEY}.{function}.{name}", value=None, allowed=allowed)


def _unknown(name: str, declared: Values, own: Iterable[str]) -> str:
    if name in declared:
        return "none: its value is the same in every environment, in foundation/catalog.py"
    if name.startswith(RESERVED):
        return "none: Lambda sets those with AWS_ and LAMBDA_, the estate those of tables, queues and secrets"
    return f"no such variable; {one_of(own, name)}"
