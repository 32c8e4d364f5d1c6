"""A layer's configuration keys as declarations: how a value is read, what is allowed, what is the default."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from foundation.problems import InvalidConfiguration, Problem, one_of
from foundation.yaml_text import Scalar, located


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A configuration key; `read` turns the raw value (text, number, list) into the typed one, or raises ValueError."""

    key: str
    default: Any
    allowed: str
    read: Callable[[Any], Any]
    about: str


class UnquotedError(ValueError):
    """Raised where text is meant and YAML reads a number or a boolean."""


def integer(key: str, *, default: int, minimum: int, maximum: int, unit: str = "", about: str) -> Setting:
    """A whole number within bounds, both included."""

    def read(raw: Any) -> int:
        if isinstance(raw, bool) or not re.fullmatch(r"[+-]?(?:0|[1-9][0-9]{0,17})", str(raw)):
            raise ValueError(raw)
        if not minimum <= int(raw) <= maximum:
            raise ValueError(raw)
        return int(raw)

    allowed = f"a whole number from {minimum} to {maximum}" + (f" ({unit})" if unit else "")
    return Setting(key=key, default=default, allowed=allowed, read=read, about=about)


def choice(key: str, *, default: Any, choices: Iterable[Any], about: str) -> Setting:
    """One of a few values, compared as text."""
    by_text = {str(value): value for value in choices}

    def read(raw: Any) -> Any:
        if str(raw) not in by_text:
            raise ValueError(raw)
        return by_text[str(raw)]

    return Setting(key=key, default=default, allowed=" or ".join(by_text), read=read, about=about)


def boolean(key: str, *, default: bool, about: str) -> Setting:
    """true or false."""

    def read(raw: Any) -> bool:
        if str(raw).lower() not in ("true", "false"):
            raise ValueError(raw)
        return str(raw).lower() == "true"

    return Setting(key=key, default=default, allowed="true or false", read=read, about=about)


def text(key: str, *, default: str | None, valid: Callable[[str], bool], allowed: str, about: str) -> Setting:
    """Text that satisfies a rule."""

    def read(raw: Any) -> str:
        _refuse_unquoted(raw)
        if not isinstance(raw, str) or not valid(raw):
            raise ValueError(raw)
        return raw

    return Setting(key=key, default=default, allowed=allowed, read=read, about=about)


def objects(
    key: str,
    *,
    fields: tuple[str, ...],
    optional: tuple[str, ...] = (),
    valid: Callable[[dict[str, str]], bool],
    allowed: str,
    about: str,
) -> Setting:
    """A list of objects with these text fields and no others, by default empty; Pulumi hands such over as JSON."""

    def read(raw: Any) -> tuple[dict[str, str], ...]:
        items = _from_json(raw) if isinstance(raw, str) else raw
        if not isinstance(items, list):
            raise ValueError(raw)
        for item in items:
            known = isinstance(item, dict) and set(fields) <= set(item) <= {*fields, *optional}
            for value in item.values() if known else ():
                _refuse_unquoted(value)
            if not known or not all(isinstance(value, str) for value in item.values()) or not valid(item):
                raise ValueError(item)
        return tuple(items)

    return Setting(key=key, default=(), allowed=allowed, read=read, about=about)


def _refuse_unquoted(raw: Any) -> None:
    if isinstance(raw, Scalar) and not raw.is_text:
        raise UnquotedError(raw)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(text) from error


def read_settings(namespace: str, settings: tuple[Setting, ...], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a namespace, typed, with defaults filled in; `raw` maps bare keys to values as configured.

    Raises InvalidConfiguration with all unknown keys and rejected values at once.
    """
    known = {setting.key for setting in settings}
    problems = [
        Problem(
            where=located(raw[key], f"{namespace}:{key}"), value=raw[key], allowed=f"no such key; {one_of(known, key)}"
        )
        for key in raw
        if key not in known
    ]
    values: dict[str, Any] = {}
    for setting in settings:
        if raw.get(setting.key) is None:
            values[setting.key] = setting.default
            continue
        try:
            values[setting.key] = setting.read(raw[setting.key])
        except ValueError as error:
            quoted = f'; quote it where it is text: "{error}"' if isinstance(error, UnquotedError) else ""
            where = located(raw[setting.key], f"{namespace}:{setting.key}")
            problems.append(Problem(where=where, value=raw[setting.key], allowed=setting.allowed + quoted))
    if problems:
        raise InvalidConfiguration(problems)
    return values
