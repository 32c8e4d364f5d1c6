"""What the aggregate function's environment must say."""

from collections.abc import Mapping
from typing import NamedTuple

from shared import environment


class Settings(NamedTuple):
    """The contract between the function and whoever deploys it."""

    table_marks: str
    """TABLE_MARKS: name of the table that remembers which events have been counted."""
    table_aggregates: str
    """TABLE_AGGREGATES: name of the table of hourly counts and sums."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """Read the settings; raise EnvironmentProblem naming the variable that is wrong."""
        return cls(environment.text(variables, "TABLE_MARKS"), environment.text(variables, "TABLE_AGGREGATES"))
