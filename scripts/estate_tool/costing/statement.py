"""Load of the estate in a month, stated in a YAML or JSON file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError
from estate_tool.pricing.load import ZERO, FunctionLoad, Load, LogLoad, QueueLoad, TableLoad, WatchLoad
from foundation.problems import Problem, one_of
from foundation.yaml_text import Scalar, located
from foundation.yaml_text import read as read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ARCHITECTURES = ("arm64", "x86_64")
_MANY = 10**15


@dataclass(frozen=True)
class _Number:
    """A number of the file: the range, both ends included, and the field of the load that it sets."""

    least: int
    most: int
    required: bool = False

    @property
    def rule(self) -> str:
        return f"a number from {self.least:,} to {self.most:,}, in plain decimals such as 1000000 or 0.5"


_FUNCTION = {
    "invocations": _Number(0, _MANY, required=True),
    "billed_ms": _Number(0, 900_000, required=True),
    "memory_mb": _Number(128, 10_240),
    "before_memory_mb": _Number(128, 10_240),
    "before_billed_ms": _Number(0, 900_000),
    "warm": _Number(0, 100_000),
    "spilled": _Number(0, _MANY),
    "scheduled": _Number(0, _MANY),
    "p99_ms": _Number(0, 900_000),
    "cold_starts": _Number(0, _MANY),
    "init_ms": _Number(0, 900_000),
}
_TABLE = {
    "reads": _Number(0, _MANY),
    "writes": _Number(0, _MANY),
    "read_units": _Number(1, 1_000_000),
    "write_units": _Number(1, 1_000_000),
    "fixed_read_units": _Number(0, 1_000_000),
    "fixed_write_units": _Number(0, 1_000_000),
    "stored_gb": _Number(0, _MANY),
    "backup_gb": _Number(0, _MANY),
}
_QUEUE = {"requests": _Number(0, _MANY, required=True)}
_LOGS = {
    "ingested_gb": _Number(0, _MANY),
    "retention_days": _Number(1, 3653),
    "before_months": _Number(0, 120),
    "compression": _Number(0, 1),
}
_WATCHING = {
    key: _Number(0, 1_000_000) for key in ("alarm_metrics", "composite_alarms", "dashboards", "metrics")
}  # fmt: skip
_EVENTS = _Number(1, _MANY)
_SECRETS = _Number(0, 1_000_000)
_SECTIONS = ("functions", "tables", "queues", "logs", "watching", "secrets", "events")


def read(path: Path) -> Load:
    """The load that the file states; raises UsageError with everything that is wrong in it."""
    try:
        content = read_yaml(path.read_text(encoding="utf-8"), path.name)
    except ValueError as error:  # no UTF-8 is one, too
        raise UsageError(f"{path} is neither YAML nor JSON: {error}", "docs/cost.md has an example") from error
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", "give the file of a load to --load") from error
    reader = _Reader()
    load = reader.load({} if content is None else content)
    if reader.problems:
        listed = "\n".join(f"  - {problem}" for problem in reader.problems)
        raise UsageError(f"{path} is no load that can be priced:\n{listed}", "docs/cost.md describes the file")
    return load


class _Reader:
    """Turns the file's content into a load and keeps every problem it meets."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def load(self, content: Any) -> Load:
        sections = self._object("load", content, _SECTIONS)
        return Load(
            secrets=self._numbers("load", sections, {"secrets": _SECRETS}).get("secrets", ZERO),
            events=self._numbers("load", sections, {"events": _EVENTS}).get("events"),
            functions=tuple(
                FunctionLoad(
                    name=name, **self._architecture(where, entry), **_renamed(self._numbers(where, entry, _FUNCTION))
                )
                for name, where, entry in self._named(sections, "functions", (*_FUNCTION, "architecture"))
            ),
            tables=tuple(
                TableLoad(name=name, **self._both(where, self._numbers(where, entry, _TABLE)))
                for name, where, entry in self._named(sections, "tables", tuple(_TABLE))
            ),
            queues=tuple(
                QueueLoad(name=name, **self._numbers(where, entry, _QUEUE))
                for name, where, entry in self._named(sections, "queues", tuple(_QUEUE))
            ),
            logs=LogLoad(**self._section(sections, "logs", _LOGS)),
            watching=WatchLoad(**self._section(sections, "watching", _WATCHING)),
        )

    def _named(self, sections: Mapping[str, Any], section: str, keys: tuple[str, ...]) -> list[Any]:
        entries = self._object(section, sections.get(section) or {}, None)
        wheres = {name: f"{section}.{name}" for name in entries}
        return [(name, wheres[name], self._object(wheres[name], entry or {}, keys)) for name, entry in entries.items()]

    def _section(self, sections: Mapping[str, Any], section: str, fields: Mapping[str, _Number]) -> dict[str, Any]:
        entry = self._object(section, sections.get(section) or {}, tuple(fields))
        return self._numbers(section, entry, fields)

    def _object(self, where: str, value: Any, keys: tuple[str, ...] | None) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._wrong(where, value, "an object" if keys is None else f"an object with {', '.join(keys)}")
            return {}
        for key in value:
            if keys is not None and key not in keys:
                self._wrong(f"{where}.{key}", value[key], f"no such key; {one_of(keys, str(key))}")
        return {str(key): one for key, one in value.items()}

    def _numbers(self, where: str, entry: Mapping[str, Any], fields: Mapping[str, _Number]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, field in fields.items():
            if key not in entry:
                if field.required:
                    self._wrong(f"{where}.{key}", None, field.rule)
                continue
            number = _number(entry[key])
            if number is None or not field.least <= number <= field.most:
                self._wrong(f"{where}.{key}", entry[key], field.rule)
            else:
                found[key] = number
        return found

    def _architecture(self, where: str, entry: Mapping[str, Any]) -> dict[str, str]:
        architecture = str(entry.get("architecture", "arm64"))
        if architecture not in ARCHITECTURES:
            self._wrong(f"{where}.architecture", architecture, " or ".join(ARCHITECTURES))
        return {"architecture": architecture}

    def _both(self, where: str, found: dict[str, Any]) -> dict[str, Any]:
        if ("read_units" in found) != ("write_units" in found):
            self._wrong(f"{where}.read_units", found.get("read_units"), "given together with write_units, or neither")
        return found

    def _wrong(self, where: str, value: Any, allowed: str) -> None:
        self.problems.append(Problem(where=located(value, where), value=value, allowed=allowed))


def _renamed(numbers: dict[str, Any]) -> dict[str, Any]:
    """Return them by the fields of the load: the file's `warm` is provisioned concurrency."""
    return {"provisioned" if key == "warm" else key: value for key, value in numbers.items()}


def _number(value: Any) -> Decimal | None:
    """Exactly what is written, with or without quotes; None for what readers of YAML may take for different numbers."""
    if not isinstance(value, Scalar) or not value.is_decimal:
        return None
    return Decimal(value) or Decimal(0)  # -0 is 0
