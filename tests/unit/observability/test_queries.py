"""The saved queries: over all logs, and about what the functions really write."""

import re
from pathlib import Path

import pytest

from observability.queries import QUERIES

HANDLERS = Path(__file__).parents[3] / "lambda_src"
COMMANDS = {"fields", "filter", "sort", "limit", "stats"}


def test_the_first_questions_of_a_person_on_call_are_there():
    assert set(QUERIES) == {"errors", "slowest", "memory", "invalid-events"}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_a_pipe_of_known_commands(query: str):
    commands = [part.split()[0] for part in re.split(r"(?:^|\n)\| ", QUERIES[query])]
    assert set(commands) <= COMMANDS
    assert len(commands) == len(QUERIES[query].split("|"))


@pytest.mark.parametrize("query", ["errors", "slowest", "memory"])
def test_lambdas_report_of_a_call_is_read_from_its_own_line(query: str):
    assert 'type = "platform.report"' in QUERIES[query]


def test_the_query_of_invalid_events_looks_for_what_ingest_logs():
    (message,) = re.findall(r'message = "([^"]+)"', QUERIES["invalid-events"])
    fields = re.findall(r"^fields @timestamp, (.+)$", QUERIES["invalid-events"], re.MULTILINE)[0].split(", ")
    sources = "\n".join(path.read_text() for path in (HANDLERS / "ingest").rglob("*.py"))
    (extra,) = re.findall(rf'"{message}", extra=\{{([^}}]*)\}}', sources)
    assert set(fields) == set(re.findall(r'"(\w+)":', extra))
