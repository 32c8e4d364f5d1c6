"""Settings of the ingest function, from its environment."""

from collections.abc import Mapping
from typing import NamedTuple

from shared import environment


class Settings(NamedTuple):
    """The contract between the function and its deployment."""

    table_events: str
    """TABLE_EVENTS: name of the table that takes the events."""
    queue_ingest: str
    """QUEUE_INGEST: URL of the queue the messages come from."""
    dead_letter_queue: str
    """DEAD_LETTER_QUEUE: URL of the queue that takes messages that can never be stored."""
    retention_days: int
    """RETENTION_DAYS: days after which an event is deleted."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """Read the settings; raise EnvironmentProblem naming the variable that is wrong."""
        return cls(
            environment.text(variables, "TABLE_EVENTS"),
            environment.text(variables, "QUEUE_INGEST"),
            environment.text(variables, "DEAD_LETTER_QUEUE"),
            environment.whole_number(variables, "RETENTION_DAYS", 1, 3650),
        )
