"""Settings of the aggregate function, from its environment."""

from collections.abc import Mapping
from typing import NamedTuple

from shared import environment


class Settings(NamedTuple):
    """The contract between the function and its deployment."""

    table_pages: str
    """TABLE_PAGES: name of the table that remembers which events have been counted."""
    table_aggregates: str
    """TABLE_AGGREGATES: name of the table of hourly counts and sums."""
    dead_letter_queue: str
    """DEAD_LETTER_QUEUE: URL of the queue that takes records that can never be counted."""
    most_fields: int
    """MAX_FIELDS: how many field names an aggregate may have; long ones count for several."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """Read the settings; raise EnvironmentProblem naming the variable that is wrong."""
        return cls(
            environment.text(variables, "TABLE_PAGES"),
            environment.text(variables, "TABLE_AGGREGATES"),
            environment.text(variables, "DEAD_LETTER_QUEUE"),
            environment.whole_number(variables, "MAX_FIELDS", 1, 300),
        )
