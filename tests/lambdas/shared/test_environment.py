"""Environment variables of functions."""

import pytest

from aggregate.settings import Settings as AggregateSettings
from ingest.settings import Settings as IngestSettings
from query.settings import Settings as QuerySettings
from shared.environment import EnvironmentProblem

INGEST = {
    "TABLE_EVENTS": "table-events-dev", "QUEUE_INGEST": "https://queue", "DEAD_LETTER_QUEUE": "https://dlq",
    "RETENTION_DAYS": "30",
}  # fmt: skip
AGGREGATE = {
    "TABLE_PAGES": "table-pages-dev", "TABLE_AGGREGATES": "table-aggregates-dev", "DEAD_LETTER_QUEUE": "https://dlq",
    "MAX_FIELDS": "100",
}  # fmt: skip


def test_settings_are_those_of_the_environment() -> None:
    assert IngestSettings.from_environment(INGEST) == ("table-events-dev", "https://queue", "https://dlq", 30)
    assert AggregateSettings.from_environment(AGGREGATE) == (
        "table-pages-dev", "table-aggregates-dev", "https://dlq", 100,
    )  # fmt: skip
    assert QuerySettings.from_environment(AGGREGATE) == ("table-aggregates-dev",)


@pytest.mark.parametrize("name", sorted(INGEST))
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(name: str, value: str | None) -> None:
    variables = {**INGEST, name: value} if value is not None else {k: v for k, v in INGEST.items() if k != name}
    with pytest.raises(EnvironmentProblem, match=f"the environment variable {name} is not set"):
        IngestSettings.from_environment(variables)


@pytest.mark.parametrize("days", ["0", "-1", "3651", "30.0", "³", "a month"])
def test_a_wrong_number_is_named_with_its_range(days: str) -> None:
    with pytest.raises(EnvironmentProblem, match=f"RETENTION_DAYS is '{days}'; it must be .* from 1 to 3650"):
        IngestSettings.from_environment({**INGEST, "RETENTION_DAYS": days})
