"""Configuration of the data layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundation.settings import boolean, read_settings

SETTINGS = (
    boolean(
        "onDemand",
        default=False,
        about="Bills every table per request instead of by autoscaled capacity; right for idle or spiky environments.",
    ),
    boolean("pointInTimeRecovery", default=True, about="Lets tables be restored to any second of the last 35 days."),
)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Typed configuration of the data layer."""

    on_demand: bool
    point_in_time_recovery: bool


def parse(raw: Mapping[str, Any], *, stack: str) -> DataConfig:
    """The typed configuration; raises InvalidConfiguration with everything that is wrong."""
    del stack  # every layer's parser takes it, this one has no default that depends on it
    values = read_settings("data", SETTINGS, raw)
    return DataConfig(on_demand=values["onDemand"], point_in_time_recovery=values["pointInTimeRecovery"])
