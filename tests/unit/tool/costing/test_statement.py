"""Loads stated in a file: read as they are written, or refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from estate_tool.core.errors import UsageError
from estate_tool.costing import statement
from estate_tool.pricing.load import FunctionLoad, Load, LogLoad, QueueLoad, TableLoad, WatchLoad
from tests.support.fuzz import fuzzed

# Numbers and times to some versions of YAML, something else to others.
AMBIGUOUS = [
    "010", "12:30", "1_000", "1e5", "0x1F", "0b1", ".5", "5.", "+5", "~", "yes", "2013-01-01", "1:30:00", "0420",
]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "load.yaml"


def test_a_load_has_the_quantities_of_the_file(path: Path) -> None:
    path.write_text("""
functions: {f: {invocations: 5, billed_ms: 1.5, warm: 2, architecture: x86_64, memory_mb: 128}}
tables: {t: {read_units: 1, write_units: 1000000}}
queues: {q: {requests: "7"}}
logs: {retention_days: 3653, compression: 1}
watching: {dashboards: 1}
secrets: 3
events: 1
""")
    function = FunctionLoad(
        name="f", invocations=Decimal(5), billed_ms=Decimal("1.5"), provisioned=Decimal(2), architecture="x86_64",
        memory_mb=Decimal(128),
    )  # fmt: skip
    assert statement.read(path) == Load(
        functions=(function,), tables=(TableLoad(name="t", read_units=Decimal(1), write_units=Decimal(10**6)),),
        queues=(QueueLoad(name="q", requests=Decimal(7)),), watching=WatchLoad(dashboards=Decimal(1)),
        logs=LogLoad(retention_days=Decimal(3653), compression=Decimal(1)), secrets=Decimal(3), events=Decimal(1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("functions: {f: {invocations: -1, billed_ms: 1}}", "functions.f.invocations is -1; allowed: a number from 0"),
        ("functions: {f: {invocations: 1}}", "functions.f.billed_ms is not set; allowed: a number from 0 to 900,000"),
        ("functions: {f: {invocations: .nan, billed_ms: 1}}", "functions.f.invocations is .nan"),
        ("functions: {f: {invocations: yes, billed_ms: 1}}", "functions.f.invocations is yes"),
        ("functions: {f: {invocations: many, billed_ms: 1}}", "functions.f.invocations is 'many'"),
        ("functions: {f: {invocations: 1, billed_ms: 1, memory: 5}}", "no such key; one of"),
        ("functions: {f: {invocations: 1, billed_ms: 1, memory_mb: 64}}", "a number from 128 to 10,240"),
        ("functions: {f: {invocations: 1, billed_ms: 1, architecture: risc}}", "arm64 or x86_64"),
        ("functions: {12: {invocations: 1, billed_ms: 1}}", 'functions.12 is 12; allowed: text; quote it: "12"'),
        ("functions: {f: {invocations: 1, billed: 1}}", "did you mean 'billed_ms'?"),
        ("functions: [1]", "functions is [1]; allowed: an object"),
        ("function: {}", "did you mean 'functions'?"),
        ("tables: {t: {read_units: 1}}", "given together with read_units"),
        ("logs: {compression: 2}", "logs.compression is 2; allowed: a number from 0 to 1"),
        ("logs: {retention_days: 0}", "a number from 1 to 3,653"),
        ("logs: {before_months: 121}", "a number from 0 to 120"),
        ("functions: {f: {invocations: 1, billed_ms: 1, warm: 100001}}", "a number from 0 to 100,000"),
        ("secrets: 1000001", "a number from 0 to 1,000,000"),
        ("events: 0", "a number from 1 to 1,000,000,000,000,000"),
        ("- 1", "the document is [1]; allowed: an object with functions, tables"),
        ("a: [", "neither YAML nor JSON"),
        *(
            (f"queues:\n  q: {{requests: {written}}}", f"load.yaml:2 queues.q.requests is {written}; allowed: a number")
            for written in AMBIGUOUS
        ),
        ("queues: {q: {requests: '010'}}", "queues.q.requests is '010'; allowed: a number"),
        ("functions: {f: {invocations: 1, billed_ms: 1}, f: {invocations: 2, billed_ms: 1}}", "f stands twice"),
        ("[" * 100_000, "nested"),
    ],
)
def test_a_wrong_load_is_refused_with_key_value_and_range(text: str, message: str, path: Path) -> None:
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        statement.read(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_everything_that_is_wrong_in_a_load_is_reported_at_once(path: Path) -> None:
    path.write_text("""
functions:
  ingest: {invocations: 1e5, architecture: 64}
  010: {invocations: 1, billed_ms: 1}
tables: {events: {write_units: 5, stored: 1}}
queues: 5
log: {}
secrets:
""")
    with pytest.raises(UsageError) as caught:
        statement.read(path)
    assert {tuple(line.split()[1:3]) for line in caught.value.message.splitlines()[1:]} == {
        ("load.yaml:3", "functions.ingest.invocations"), ("load.yaml:3", "functions.ingest.billed_ms"),
        ("load.yaml:3", "functions.ingest.architecture"), ("load.yaml:4", "functions.010"),
        ("load.yaml:5", "tables.events.read_units"), ("load.yaml:5", "tables.events.stored"),
        ("load.yaml:6", "queues"), ("load.yaml:7", "log"), ("load.yaml:8", "secrets"),
    }  # fmt: skip


def test_a_section_without_a_value_is_empty(path: Path) -> None:
    path.write_text("functions:\ntables: {t: }\nqueues: ~\nlogs:\nwatching: null\n")
    assert statement.read(path) == Load(tables=(TableLoad(name="t"),))


NUMBERS = st.one_of(
    st.text("0123456789_.:-+eExXyn~ '", min_size=1, max_size=10), st.integers().map(str), st.text(max_size=5),
    st.decimals(0, 10**6, places=3).map(str), st.sampled_from(["010", "12:30", "1e5", "'5'", "[1]", "{a: 1}", "yes"]),
)  # fmt: skip


@fuzzed()
@given(NUMBERS, st.text("[]{}:,-&*!\n ab0'\"", max_size=8))
def test_any_load_file_is_refused_or_priced_as_it_is_written(
    tmp_path_factory: pytest.TempPathFactory, number: str, rest: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    text = f"queues: {{q: {{requests: {number}}}}}\n{rest}"
    path.write_text(text)
    try:
        load = statement.read(path)
    except UsageError:
        return
    for queue, written in zip(load.queues, yaml.load(text, Loader=yaml.CBaseLoader)["queues"].values(), strict=True):
        assert queue.requests == Decimal(written["requests"])
        read = yaml.load(text, Loader=yaml.CSafeLoader)["queues"][queue.name]["requests"]
        assert float(read) == float(written["requests"])


@pytest.mark.parametrize("content", [None, b"\xff"], ids=["no file", "no UTF-8"])
def test_a_file_that_can_not_be_read_is_refused(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"load\.yaml"):
        statement.read(path)
