"""Load of the estate in a month, stated in a YAML or JSON file (docs/cost.md)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from estate_tool.core.errors import UsageError
from estate_tool.pricing.load import FunctionLoad, Load, LogLoad, QueueLoad, TableLoad, WatchLoad
from foundation import settings
from foundation.documents import Section, read_document
from foundation.problems import InvalidConfiguration
from foundation.settings import Text, setting
from foundation.yaml_text import Scalar
from foundation.yaml_text import read as read_yaml

_MANY, _UNITS, _LONGEST_MS = 10**15, 1_000_000, 900_000


def _decimal(value: Any) -> Decimal:
    """Return the number as it is written, in quotes or not; refuse one that readers of YAML disagree about."""
    if not isinstance(value, Scalar) or not value.is_decimal:
        raise ValueError(value)
    return Decimal(value) or Decimal(0)  # -0 is 0


def _filled(value: Any) -> Any:
    """Return an empty object for a key without a value."""
    return {} if isinstance(value, Scalar) and value.is_null else value


Number = Annotated[Decimal, BeforeValidator(_decimal)]


def number(most: int, least: int = 0, *, allowed: str = "", required: bool = False) -> Any:
    """Declare a number in that range, both ends included; without it the load has its default."""
    return settings.number(... if required else None, (least, most), "", allowed)


class _Stated(Section):
    @model_validator(mode="before")
    @classmethod
    def _of_nothing(cls, value: Any) -> Any:
        return _filled(value)


class _Function(_Stated):
    invocations: Number = number(_MANY, required=True)
    billed_ms: Number = number(_LONGEST_MS, required=True)
    memory_mb: Number = number(10_240, 128)
    before_memory_mb: Number = number(10_240, 128)
    before_billed_ms: Number = number(_LONGEST_MS)
    architecture: Literal["arm64", "x86_64"] = setting(None, "")
    warm: Number = number(100_000)
    spilled: Number = number(_MANY)
    scheduled: Number = number(_MANY)
    p99_ms: Number = number(_LONGEST_MS)
    cold_starts: Number = number(_MANY)
    init_ms: Number = number(_LONGEST_MS)


class _Table(_Stated):
    reads: Number = number(_MANY)
    writes: Number = number(_MANY)
    read_units: Number = number(_UNITS, 1, allowed="given together with write_units, or neither")
    write_units: Number = number(_UNITS, 1, allowed="given together with read_units, or neither")
    fixed_read_units: Number = number(_UNITS)
    fixed_write_units: Number = number(_UNITS)
    stored_gb: Number = number(_MANY)
    backup_gb: Number = number(_MANY)

    @model_validator(mode="before")
    @classmethod
    def _both(cls, value: Any) -> Any:
        """Report the other capacity as missing where only one is given."""
        if isinstance(value, dict) and ("read_units" in value) != ("write_units" in value):
            return {"read_units": None, "write_units": None} | value
        return value


class _Queue(_Stated):
    requests: Number = number(_MANY, required=True)


class _Logs(_Stated):
    ingested_gb: Number = number(_MANY)
    retention_days: Number = number(3653, 1)
    before_months: Number = number(120)
    compression: Number = number(1)


class _Watching(_Stated):
    alarm_metrics: Number = number(_UNITS)
    composite_alarms: Number = number(_UNITS)
    dashboards: Number = number(_UNITS)
    metrics: Number = number(_UNITS)


class _Statement(Section):
    functions: Annotated[dict[Text, _Function], BeforeValidator(_filled)] = Field(default_factory=dict)
    tables: Annotated[dict[Text, _Table], BeforeValidator(_filled)] = Field(default_factory=dict)
    queues: Annotated[dict[Text, _Queue], BeforeValidator(_filled)] = Field(default_factory=dict)
    logs: _Logs = _Logs()
    watching: _Watching = _Watching()
    secrets: Number = number(_UNITS)
    events: Number = number(_MANY, 1)


def read(path: Path) -> Load:
    """Return the load in the file; raise UsageError with everything that is wrong in it."""
    try:
        content = read_yaml(path.read_text(encoding="utf-8"), path.name)
        stated = read_document(_Statement, {} if content is None else content)
    except ValueError as error:  # no UTF-8 is one, too
        raise UsageError(f"{path} is neither YAML nor JSON: {error}", "docs/cost.md has an example") from error
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", "give the file of a load to --load") from error
    except InvalidConfiguration as error:
        listed = "\n".join(f"  - {problem}" for problem in error.problems)
        raise UsageError(
            f"{path} is no load that can be priced:\n{listed}", "docs/cost.md describes the file"
        ) from error
    totals = stated.model_dump(include={"secrets", "events"}, exclude_unset=True)
    return Load(
        functions=tuple(FunctionLoad(name=name, **_function(one)) for name, one in stated.functions.items()),
        tables=tuple(TableLoad(name=name, **_given(one)) for name, one in stated.tables.items()),
        queues=tuple(QueueLoad(name=name, **_given(one)) for name, one in stated.queues.items()),
        logs=LogLoad(**_given(stated.logs)),
        watching=WatchLoad(**_given(stated.watching)),
        **totals,
    )


def _function(stated: _Function) -> dict[str, Any]:
    given = _given(stated)
    return {"provisioned" if key == "warm" else key: value for key, value in given.items()}


def _given(stated: Section) -> dict[str, Any]:
    return stated.model_dump(exclude_unset=True)
