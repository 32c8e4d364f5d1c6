"""Configuration of the compute layer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from compute.packaging import check_handlers
from compute.sizing import memory_by_function
from compute.variables import values as declared_values
from foundation import time_zones
from foundation.catalog import CATALOG
from foundation.problems import InvalidConfiguration, Problem, together
from foundation.settings import Setting, choice, integer, read_settings, text

# CloudWatch Logs knows only certain retentions ("PutRetentionPolicy"); these are the ones from 7 to 14 days.
LOG_RETENTION_DAYS = (7, 14)

# Lambda's Pythons that run the handlers ("Lambda runtimes").
RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")


def is_date(value: str) -> bool:
    """True if it is a day as ISO 8601 writes it: 2027-03-31."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _object(raw: Any) -> Mapping[str, Any]:
    """Read an object; Pulumi hands it over as JSON."""
    found = json.loads(raw) if isinstance(raw, str) else raw
    if not isinstance(found, dict):
        raise ValueError(raw)
    return found


SETTINGS = (
    choice("runtime", default="python3.13", choices=RUNTIMES, about="Python that the functions run on."),
    choice("logRetentionDays", default=14, choices=LOG_RETENTION_DAYS, about="Days the functions' logs are kept."),
    integer(
        "provisionedMinimum",
        default=1,
        minimum=0,
        maximum=1000,
        about="Execution environments a critical function keeps warm at any time; 0 waives provisioned concurrency.",
    ),
    text(
        "provisionedWaivedUntil",
        default=None,
        valid=is_date,
        allowed='a date, as text: "2027-03-31"',
        about="The last day on which provisionedMinimum may be 0; from then on a guardrail stops rollouts.",
    ),
    integer(
        "provisionedMaximum",
        default=5,
        minimum=1,
        maximum=1000,
        about="How many environments autoscaling may keep warm for a critical function.",
    ),
    integer(
        "provisionedUtilizationPercent",
        default=70,
        minimum=10,
        maximum=90,
        unit="percent",
        about="Use of the warm environments that autoscaling aims at.",
    ),
    integer("peakMinimum", default=2, minimum=1, maximum=1000, about="Warm environments during peak hours."),
    integer(
        "peakStartHour", default=7, minimum=0, maximum=23, about="Hour at which peak hours start, Monday to Friday."
    ),
    integer("peakEndHour", default=19, minimum=0, maximum=23, about="Hour at which peak hours end, Monday to Friday."),
    text(
        "timezone",
        default="UTC",
        valid=time_zones.is_time_zone,
        allowed=time_zones.ALLOWED,
        about="Time zone of the peak hours.",
    ),
    Setting(
        key="environment",
        default=MappingProxyType({}),
        allowed="an object with the values of each function's variables, by its name",
        read=_object,
        about="Environment variables that the catalog declares PerEnvironment, by function and name.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Provisioning:
    """Provisioned concurrency of a critical function: bounds and peak hours; a `minimum` of 0 waives it."""

    minimum: int
    maximum: int
    utilization_percent: int
    peak_minimum: int
    peak_start_hour: int
    peak_end_hour: int
    timezone: str


@dataclass(frozen=True, kw_only=True)
class ComputeConfig:
    """Typed configuration of the compute layer; by function, memory in MB (sizing file) and declared variables."""

    runtime: str
    log_retention_days: int
    memory_mb: Mapping[str, int]
    environment: Mapping[str, Mapping[str, str]]
    provisioning: Provisioning


def parse(raw: Mapping[str, Any], *, stack: str) -> ComputeConfig:
    """The typed configuration; raises InvalidConfiguration with everything that is wrong."""
    (values, environment), memory, _ = together(
        lambda: _values(raw, stack),
        lambda: memory_by_function(function.name for function in CATALOG.functions),
        lambda: check_handlers(CATALOG.functions),
    )
    return ComputeConfig(
        runtime=values["runtime"],
        log_retention_days=values["logRetentionDays"],
        memory_mb=memory,
        environment=environment,
        provisioning=Provisioning(
            minimum=values["provisionedMinimum"],
            maximum=values["provisionedMaximum"],
            utilization_percent=values["provisionedUtilizationPercent"],
            peak_minimum=values["peakMinimum"],
            peak_start_hour=values["peakStartHour"],
            peak_end_hour=values["peakEndHour"],
            timezone=values["timezone"],
        ),
    )


def _values(raw: Mapping[str, Any], stack: str) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """The values of all settings, which also have to fit each other, and the variables of the functions."""
    values = read_settings("compute", SETTINGS, raw)
    problems = []
    maximum = values["provisionedMaximum"]
    for key in ("provisionedMinimum", "peakMinimum"):
        if values[key] > maximum:
            allowed = f"at most compute:provisionedMaximum, which is {maximum}"
            problems.append(Problem(where=f"compute:{key}", value=values[key], allowed=allowed))
    reserved = [f.reserved_concurrency for f in CATALOG.functions if f.critical and f.reserved_concurrency]
    if maximum > min(reserved, default=maximum):
        allowed = f"at most the reserved_concurrency of every critical function, which is {min(reserved)}"
        problems.append(Problem(where="compute:provisionedMaximum", value=maximum, allowed=allowed))
    if values["peakStartHour"] == values["peakEndHour"]:
        allowed = f"another hour than compute:peakStartHour, which is {values['peakStartHour']}"
        problems.append(Problem(where="compute:peakEndHour", value=values["peakEndHour"], allowed=allowed))
    environment = together(lambda: declared_values(CATALOG, values["environment"], stack), lambda: _raised(problems))[0]
    return values, environment


def _raised(problems: list[Problem]) -> None:
    if problems:
        raise InvalidConfiguration(problems)
