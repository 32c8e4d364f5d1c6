"""Configuration of the data layer."""

from collections.abc import Mapping
from typing import Any

from foundation.settings import Flag, Settings, read_settings, setting


class DataConfig(Settings):
    """Typed configuration of the data layer."""

    on_demand: Flag = setting(
        False,
        "Bills every table per request instead of by autoscaled capacity; for idle or spiky environments.",
    )
    point_in_time_recovery: Flag = setting(True, "Lets tables be restored to any second of the last 35 days.")


def parse(raw: Mapping[str, Any], *, stack: str) -> DataConfig:
    """Return the typed configuration; raise InvalidConfiguration with all problems."""
    del stack  # every layer's parser takes it; here no default depends on it
    return read_settings("data", DataConfig, raw)
