"""Configuration of the compute layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from compute.environment import values as declared_values
from compute.packaging import check_handlers
from compute.sizing import memory_by_function
from foundation import schedule_expressions
from foundation.catalog import CATALOG
from foundation.problems import InvalidConfiguration, Problem, together
from foundation.settings import Settings, Text, Whole, choice, from_json, number, read_settings, rule, setting

# Lambda's Pythons that run the handlers ("Lambda runtimes").
Runtime = Literal["python3.11", "python3.12", "python3.13", "python3.14"]


def is_date(value: str) -> bool:
    """True if it is a date of ISO 8601: 2027-03-31."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


class Provisioning(Settings):
    """Provisioned concurrency of a critical function: bounds and peak hours; a `minimum` of 0 waives it."""

    minimum: Whole = number(
        1,
        (0, 1000),
        "Provisioned concurrency of a critical function outside peak hours; 0 waives it.",
        alias="provisionedMinimum",
    )
    waived_until: Annotated[Text, AfterValidator(rule(is_date))] | None = setting(
        None,
        "The last day on which provisionedMinimum may be 0; from then on a guardrail stops rollouts.",
        allowed='a date, as text: "2027-03-31"', alias="provisionedWaivedUntil",
    )  # fmt: skip
    maximum: Whole = number(
        5,
        (1, 1000),
        "The most provisioned concurrency that autoscaling may give a critical function.",
        alias="provisionedMaximum",
    )
    utilization_percent: Whole = number(
        70, (10, 90), "Target utilization of provisioned concurrency.", "percent", alias="provisionedUtilizationPercent"
    )
    peak_minimum: Whole = number(2, (1, 1000), "Provisioned concurrency during peak hours.")
    peak_start_hour: Whole = number(7, (0, 23), "Hour at which peak hours start, Monday to Friday.")
    peak_end_hour: Whole = number(19, (0, 23), "Hour at which peak hours end, Monday to Friday.")
    timezone: Annotated[Text, AfterValidator(rule(schedule_expressions.is_time_zone))] = setting(
        "UTC", "Time zone of the peak hours.", allowed=schedule_expressions.TIME_ZONES
    )

    @property
    def target_percent(self) -> int:
        """The target utilization; 0 where provisioned concurrency is waived."""
        return self.utilization_percent if self.minimum else 0


class Keys(Provisioning):
    """Keys of compute."""

    runtime: Annotated[Runtime, BeforeValidator(choice)] = setting("python3.13", "Python that the functions run on.")
    # CloudWatch Logs knows only certain retentions ("PutRetentionPolicy"); these are the ones from 7 to 14 days.
    log_retention_days: Annotated[Literal[7, 14], BeforeValidator(choice)] = setting(
        14, "Days the functions' logs are kept."
    )
    environment: Annotated[dict[str, Any], BeforeValidator(from_json)] = setting(
        {},
        "Environment variables that the catalog declares PerEnvironment, by function and name.",
        allowed="an object with the values of each function's variables, by its name",
    )


@dataclass(frozen=True, kw_only=True)
class ComputeConfig:
    """Typed configuration of the compute layer; memory in MB (sizing file) and declared variables by function."""

    runtime: str
    log_retention_days: int
    memory_mb: Mapping[str, int]
    environment: Mapping[str, Mapping[str, str]]
    provisioning: Provisioning


def parse(raw: Mapping[str, Any], *, stack: str) -> ComputeConfig:
    """Return the typed configuration; raise InvalidConfiguration with all problems."""
    (keys, environment), memory, _ = together(
        lambda: _keys(raw, stack),
        lambda: memory_by_function(function.name for function in CATALOG.functions),
        lambda: check_handlers(CATALOG.functions),
    )
    return ComputeConfig(
        runtime=keys.runtime,
        log_retention_days=keys.log_retention_days,
        memory_mb=memory,
        environment=environment,
        provisioning=keys,
    )


def _keys(raw: Mapping[str, Any], stack: str) -> tuple[Keys, dict[str, dict[str, str]]]:
    """Return the values of all keys, checked against each other, and the variables of the functions."""
    keys = read_settings("compute", Keys, raw)
    environment, _ = together(lambda: declared_values(CATALOG, keys.environment, stack), lambda: _fit(keys))
    return keys, environment


def _fit(keys: Keys) -> None:
    problems = []
    for key, value in (("provisionedMinimum", keys.minimum), ("peakMinimum", keys.peak_minimum)):
        if value > keys.maximum:
            allowed = f"at most compute:provisionedMaximum, which is {keys.maximum}"
            problems.append(Problem(where=f"compute:{key}", value=value, allowed=allowed))
    reserved = [f.reserved_concurrency for f in CATALOG.functions if f.critical and f.reserved_concurrency]
    if keys.maximum > min(reserved, default=keys.maximum):
        allowed = f"at most the reserved_concurrency of every critical function, which is {min(reserved)}"
        problems.append(Problem(where="compute:provisionedMaximum", value=keys.maximum, allowed=allowed))
    if keys.peak_start_hour == keys.peak_end_hour:
        allowed = f"another hour than compute:peakStartHour, which is {keys.peak_start_hour}"
        problems.append(Problem(where="compute:peakEndHour", value=keys.peak_end_hour, allowed=allowed))
    if problems:
        raise InvalidConfiguration(problems)
