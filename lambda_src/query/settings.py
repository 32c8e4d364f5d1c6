"""Settings of the query function, from its environment."""

from collections.abc import Mapping
from typing import NamedTuple

from shared import environment


class Settings(NamedTuple):
    """The contract between the function and its deployment."""

    table_aggregates: str
    """TABLE_AGGREGATES: name of the table of hourly counts and sums."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """Read the settings; raise EnvironmentProblem naming the variable that is wrong."""
        return cls(environment.text(variables, "TABLE_AGGREGATES"))
