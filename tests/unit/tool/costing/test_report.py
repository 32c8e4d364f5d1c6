"""`estate cost` with a stated load: a bill worked out by hand, what any bill is like, and files that are wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import example as tried_example
from hypothesis import given, settings
from hypothesis import strategies as st

from estate_tool.commands import cost
from estate_tool.core.errors import UsageError
from estate_tool.costing import report, statement
from estate_tool.pricing import bill, prices
from estate_tool.pricing.load import FunctionLoad, Load, LogLoad, QueueLoad, TableLoad, WatchLoad
from tests.support.fuzz import fuzzed

if TYPE_CHECKING:
    from pathlib import Path

PRICES = prices.read()

# Each figure below is worked out by hand, a line each: quantity times price.
EXAMPLE = """
functions:
  ingest: {invocations: 10000000, billed_ms: 120}
  query: {invocations: 2000000, billed_ms: 50, warm: 2, spilled: 100000, p99_ms: 180}
tables:
  events:
    {reads: 1000000, writes: 10000000, read_units: 1, write_units: 6, fixed_read_units: 50, fixed_write_units: 100,
     stored_gb: 10, backup_gb: 10}
  pages: {writes: 20000000, fixed_write_units: 40}
queues:
  ingest: {requests: 5000000}
logs: {ingested_gb: 40, retention_days: 14}
watching: {alarm_metrics: 34, composite_alarms: 2, dashboards: 1, metrics: 3}
"""
BY_HAND = {
    # ingest before: 10,000,000 × 0.12 s = 1,200,000 s × 3008/1024 GB = 3,525,000 GB-s × 0.0000133334 = 47.000235
    # ingest after:                        1,200,000 s ×  512/1024 GB =   600,000 GB-s × 0.0000133334 =  8.00004
    # ingest requests: 10,000,000 × 0.0000002 = 2.00, before and after
    # query before:   2,000,000 × 0.05 s =   100,000 s × 3008/1024 GB =   293,750 GB-s × 0.0000133334 =  3.91668625
    # query after, the 100,000 that spilled: 5,000 s × 512/1024 GB    =     2,500 GB-s × 0.0000133334 =  0.0333335
    # query requests: 2,000,000 × 0.0000002 = 0.40, before and after
    # before: 47.000235 + 2 + 3.91668625 + 0.40 = 53.31692125; after: 8.00004 + 2 + 0.0333335 + 0.40 = 10.4333735
    "functions": ("53.31692125", "10.4333735"),
    # provisioned: 2 × 512/1024 GB × 730 h × 3600 s = 2,628,000 GB-s × 0.0000033334 = 8.7601752
    # busy: 1,900,000 × 0.05 s × 512/1024 GB      =    47,500 GB-s × 0.0000077778 = 0.3694455
    "provisioned concurrency": ("0", "9.1296207"),
    # events before: 50 × 730 h × 0.00013 = 4.745; 100 × 730 h × 0.00065 = 47.45; 10 GB × 0.25 = 2.50
    # events after:   1 × 730 h × 0.00013 = 0.0949;  6 × 730 h × 0.00065 = 2.847; 10 GB × 0.25 = 2.50; 10 GB × 0.20 = 2
    # pages before: 40 × 730 h × 0.00065 = 18.98; after: 20,000,000 × 0.000000625 = 12.50
    # before: 4.745 + 47.45 + 2.50 + 18.98 = 73.675; after: 0.0949 + 2.847 + 2.50 + 2 + 12.50 = 19.9419
    "tables": ("73.675", "19.9419"),
    # 5,000,000 × 0.0000004
    "queues": ("2", "2"),
    # ingested: 40 GB × 0.50 = 20; compressed 40 GB × 0.15 = 6 GB a month
    # before: 12 months × 6 GB × 0.03 = 2.16; after: 6 GB × 14 days / (730/24 days) × 0.03 = 60.48 / 730
    "logs": ("22.16", str(20 + Decimal("60.48") / 730)),
    # 34 × 0.10 + 2 × 0.50 + 1 × 3.00 + 3 × 0.30
    "watching": ("0", "8.3"),
}
# 53.31692125 + 73.675 + 2 + 22.16 = 151.15192125
BEFORE = "151.15"
# 10.4333735 + 9.1296207 + 19.9419 + 2 + 20.08284931… + 8.30 = 69.88774351…
AFTER = "69.89"


def priced(load: Load) -> dict[str, Any]:
    return report.cost_report(load, PRICES, {"environment": "dev", "basis": "stated"})


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "load.yaml"
    path.write_text(EXAMPLE)
    return path


def parsed(done: Any) -> dict[str, Any]:
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_totals_are_those_worked_out_by_hand_to_the_cent(example: Path, call: Any) -> None:
    found = parsed(call(cost, "--load", str(example), "--json"))
    assert (found["totals"]["before_usd"], found["totals"]["after_usd"]) == (BEFORE, AFTER)
    assert found["totals"]["saving_usd"] == "81.26"  # 151.15 - 69.89
    for component in found["components"]:
        for way, by_hand in zip(("before", "after"), BY_HAND[component["component"]], strict=True):
            exact = sum(Decimal(line[f"exact_{way}_usd"]) for line in component["lines"])
            assert abs(exact - Decimal(by_hand)) < Decimal("1e-20"), component["component"]


def test_lines_add_up_to_components_and_components_to_totals(example: Path, call: Any) -> None:
    found = parsed(call(cost, "--load", str(example), "--json"))
    for way in ("before_usd", "after_usd"):
        for component in found["components"]:
            assert sum(Decimal(line[way]) for line in component["lines"]) == Decimal(component[way])
        assert sum(Decimal(one[way]) for one in found["components"]) == Decimal(found["totals"][way])


@pytest.mark.parametrize(
    ("text", "usd"),
    # 3 × 0.40; 5,000,000 calls of a schedule × 0.000001, and the invocations that they are, × 0.0000002.
    [("secrets: 3", "1.20"), ("functions: {f: {invocations: 5000000, billed_ms: 0, scheduled: 5000000}}", "6.00")],
)
def test_secrets_and_calls_of_schedules_cost_before_what_they_cost_after(
    text: str, usd: str, tmp_path: Path, call: Any
) -> None:
    (tmp_path / "load.yaml").write_text(text)
    found = parsed(call(cost, "--load", str(tmp_path / "load.yaml"), "--json"))
    assert (found["totals"]["before_usd"], found["totals"]["after_usd"]) == (usd, usd)


def test_break_evens_follow_from_the_prices() -> None:
    # 0.0000033334 / (0.0000133334 - 0.0000077778) = 60.0 %; 0.00065 / (3600 × 0.000000625) = 28.9 %, reads alike.
    assert {report.provisioned_concurrency_break_even(PRICES, one) for one in ("arm64", "x86_64")} == {Decimal("60.0")}
    assert {report.table_break_even(PRICES, way) for way in ("read", "write")} == {Decimal("28.9")}


@pytest.mark.parametrize(("busy", "pays_off"), [("0.60", False), ("0.61", True)])
def test_at_the_break_even_provisioned_environments_cost_what_on_demand_costs(busy: str, pays_off: bool) -> None:
    # One environment, busy for that share of 2,628,000 s, with invocations of a second each.
    load = FunctionLoad(
        name="query", invocations=2_628_000 * Decimal(busy), billed_ms=Decimal(1000), provisioned=Decimal(1)
    )  # fmt: skip
    found = report.provisioned_concurrency(load, PRICES)
    assert found["utilization_percent"] == f"{100 * Decimal(busy):.1f}"
    assert (Decimal(found["usd"]) < Decimal(found["on_demand_usd"])) is pays_off
    # Exactly at 60 % the difference is less than a cent of some 10 dollars; a percent more or less is more than that.
    assert abs(Decimal(found["more_usd"])) < Decimal("0.15")


def test_a_table_is_cheaper_on_demand_below_the_break_even() -> None:
    units, month = Decimal(10), Decimal(730 * 3600)
    for share, cheaper in (("0.28", "on-demand"), ("0.30", "provisioned")):
        requests = units * month * Decimal(share)
        table = TableLoad(name="t", reads=requests, writes=requests, read_units=units, write_units=units)
        assert report.table_billing(table, PRICES)["cheaper"] == cheaper


def test_an_estate_without_traffic_has_a_bill_too() -> None:
    found = priced(Load(functions=(FunctionLoad(name="idle"),), tables=(TableLoad(name="idle"),)))
    assert (found["totals"]["before_usd"], found["totals"]["after_usd"]) == ("0.00", "0.00")
    assert found["totals"]["saving_percent"] is None


def test_only_what_is_not_assumed_is_sure_to_be_saved() -> None:
    table = TableLoad(
        name="t", read_units=Decimal(1), write_units=Decimal(1), fixed_write_units=Decimal(100), fixed_is_assumed=True
    )
    # Before: 100 × 730 × 0.00065 = 47.45; after: 730 × (0.00065 + 0.00013) = 0.5694, rounded up: 46.88 saved.
    totals = priced(Load(tables=(table,)))["totals"]
    assert (totals["saving_usd"], totals["sure_saving_usd"]) == ("46.88", "0.00")


def test_what_is_sure_comes_first_and_the_rest_is_named_as_assumed(example: Path, call: Any) -> None:
    totals = parsed(call(cost, "--load", str(example), "--json"))["totals"]
    assert Decimal(totals["sure_saving_usd"]) + Decimal(totals["assumed_saving_usd"]) == Decimal(totals["saving_usd"])
    first = call(cost, "--load", str(example)).out.splitlines()[0]
    places = [first.index(f"${totals[f'{kind}_saving_usd']}") for kind in ("sure", "assumed")]
    assert places == sorted(places)
    assert first.index("for sure") < first.index("assumed")


def test_a_table_used_beyond_its_capacity_is_priced_at_what_it_takes() -> None:
    # 10 a second at 1 unit; at 70 % use that takes 14.2857…; × 730 h × 0.00065 = 6.77857…
    writes = 10 * Decimal(730 * 3600)
    table = TableLoad(name="t", writes=writes, read_units=Decimal(1), write_units=Decimal(1))
    found = priced(Load(tables=(table,)))
    (lines,) = (one["lines"] for one in found["components"] if one["component"] == "tables")
    assert next(one for one in lines if one["what"] == "write capacity")["after_usd"] == "6.78"
    assert any("Table t is used beyond its 1 write units: priced with the 14.3" in one for one in found["assumptions"])
    assert found["tables"][0]["write"]["utilization_percent"] == "70.0"
    # Busy to the last unit it is still what it is: 10 × 730 × 0.00065.
    enough = replace(table, write_units=Decimal(10))
    (lines,) = (one["lines"] for one in priced(Load(tables=(enough,)))["components"] if one["component"] == "tables")
    assert next(one for one in lines if one["what"] == "write capacity")["after_usd"] == "4.75"


def test_the_cost_of_an_event_is_unknown_if_their_number_is_unknown(example: Path, call: Any) -> None:
    assert parsed(call(cost, "--load", str(example), "--json"))["events"] is None


def test_two_bills_are_compared_line_by_line(example: Path, tmp_path: Path, call: Any) -> None:
    before = tmp_path / "main.json"
    before.write_text(call(cost, "--load", str(example), "--json").out)
    changed = tmp_path / "changed.yaml"
    changed.write_text(
        EXAMPLE.replace("warm: 2", "warm: 1").replace("queues:", "queues:\n  'a|b': {requests: 5000000}")
    )
    found = parsed(call(cost, "--load", str(changed), "--compare", str(before), "--json"))["compare"]
    # One provisioned environment less: 8.7601752 / 2 = 4.3800876 less; 5,000,000 requests more: 2.00.
    assert [(line["item"], line["what"], line["difference_usd"]) for line in found["lines"][:2]] == [
        ("query", "kept warm", "-4.38"), ("a|b", "requests", "+2.00"),
    ]  # fmt: skip
    assert (found["with"], found["other_usd"], found["difference_usd"]) == ("main.json", AFTER, "-2.38")
    shown = call(cost, "--load", str(changed), "--compare", str(before)).out.splitlines()
    assert shown[0] == "| US dollars a month | main.json | changed.yaml | difference |"
    assert shown[2] == "| **total** | 69.89 | 67.51 | **-2.38** |"
    assert "| queues: a\\|b, requests | 0.00 | 2.00 | +2.00 |" in shown
    same = parsed(call(cost, "--load", str(example), "--compare", str(before), "--json"))["compare"]
    assert (same["difference_usd"], same["lines"]) == ("0.00", [])


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"components": 5}', "[" * 100_000, '{"components": [], "totals": {}}']
)
def test_what_is_no_bill_is_not_compared_with(example: Path, tmp_path: Path, call: Any, content: str) -> None:
    other = tmp_path / "other.json"
    other.write_text(content)
    done = call(cost, "--load", str(example), "--compare", str(other))
    assert (done.code, done.out) == (2, "")
    assert call(cost, "--load", str(example), "--compare", str(tmp_path / "none.json")).code == 2


def test_a_function_that_computes_saves_less_than_its_memory(example: Path) -> None:
    # 512 MB: 0.289 vCPU; 3008 MB: one core. 600,000 GB-s now, and 1,200,000 s × 0.28943 × 2.9375 GB before.
    load = Load(functions=(FunctionLoad(name="f", invocations=Decimal(10**7), billed_ms=Decimal(120)),))
    totals = priced(load)["totals"]
    before = 1_200_000 * 512 / 1769 * 2.9375 * 0.0000133334
    assert float(totals["sure_saving_usd"]) == pytest.approx(before - 8.00004, abs=0.011)
    stated = Load(functions=(replace(load.functions[0], before_billed_ms=Decimal(120)),))
    totals = priced(stated)["totals"]
    assert totals["sure_saving_usd"] == totals["saving_usd"]


AMOUNTS = st.decimals(0, 10**9, places=3)
FUNCTIONS = st.builds(
    FunctionLoad, name=st.just("f"), invocations=AMOUNTS, billed_ms=st.decimals(0, 900_000, places=1),
    memory_mb=st.integers(512, 1024).map(Decimal), provisioned=st.integers(0, 50).map(Decimal), spilled=AMOUNTS,
    architecture=st.sampled_from(["arm64", "x86_64"]),
)  # fmt: skip
TABLES = st.builds(
    TableLoad, name=st.just("t"), reads=AMOUNTS, writes=AMOUNTS, stored_gb=AMOUNTS, backup_gb=AMOUNTS,
    fixed_read_units=AMOUNTS, fixed_write_units=AMOUNTS,
)  # fmt: skip
LOADS = st.builds(
    Load,
    functions=st.lists(FUNCTIONS, max_size=3).map(tuple),
    tables=st.lists(TABLES, max_size=2).map(tuple),
    queues=st.lists(st.builds(QueueLoad, name=st.just("q"), requests=AMOUNTS), max_size=2).map(tuple),
    logs=st.builds(LogLoad, ingested_gb=AMOUNTS),
    watching=st.builds(WatchLoad, alarm_metrics=st.integers(0, 1000).map(Decimal)),
)


def total(load: Load, way: str = "after") -> Decimal:
    return sum((getattr(line, way) * PRICES[line.price] for line in bill.lines(load, PRICES)), Decimal(0))


@settings(max_examples=30, deadline=None)
@given(LOADS, LOADS)
def test_two_estates_cost_what_each_costs(one: Load, other: Load) -> None:
    logs = LogLoad(ingested_gb=one.logs.ingested_gb + other.logs.ingested_gb)
    watching = WatchLoad(alarm_metrics=one.watching.alarm_metrics + other.watching.alarm_metrics)
    both = Load(
        functions=one.functions + other.functions, tables=one.tables + other.tables,
        queues=one.queues + other.queues, logs=logs, watching=watching,
    )  # fmt: skip
    for way in ("before", "after"):
        assert total(both, way) == pytest.approx(total(one, way) + total(other, way), rel=Decimal("1e-20"))


@settings(max_examples=50, deadline=None)
@given(FUNCTIONS, AMOUNTS)
def test_more_invocations_never_cost_less(function: FunctionLoad, more: Decimal) -> None:
    busier = replace(function, invocations=function.invocations + more)
    for way in ("before", "after"):
        assert total(Load(functions=(busier,)), way) >= total(Load(functions=(function,)), way)


@settings(max_examples=30, deadline=None)
@tried_example(
    Load(tables=(TableLoad(name="t", backup_gb=Decimal("0.028")),), logs=LogLoad(ingested_gb=Decimal("0.23")))
)
@given(LOADS)
def test_whatever_the_load_rounded_lines_add_up_to_the_total_rounded_once(load: Load) -> None:
    found = priced(load)
    for way in ("before", "after"):
        shown = [Decimal(line[f"{way}_usd"]) for one in found["components"] for line in one["lines"]]
        exact = Decimal(found["totals"][f"exact_{way}_usd"])
        assert sum(shown, Decimal(0)) == Decimal(found["totals"][f"{way}_usd"]) == bill.cents(exact)
        assert all(amount >= 0 for amount in shown)
    for line in (line for component in found["components"] for line in component["lines"]):
        if line["exact_before_usd"] == line["exact_after_usd"]:
            assert line["before_usd"] == line["after_usd"]
    for component in found["components"]:
        if all(line["before"] == line["after"] for line in component["lines"]):
            assert component["saving_usd"] == "0.00"


def test_the_page_and_the_text_have_the_numbers_of_the_json(example: Path, tmp_path: Path, call: Any) -> None:
    page = tmp_path / "cost.html"
    found = parsed(call(cost, "--load", str(example), "--json", "--html", str(page)))
    shown, text = page.read_text(), call(cost, "--load", str(example)).out
    for one in (found["totals"], *found["components"]):
        for way in ("before_usd", "after_usd", "saving_usd"):
            amount = one[way].removeprefix("-")
            assert f"${amount}<" in shown
            assert f" {amount}" in text or f"-{amount}" in text
    for assumption in found["assumptions"]:
        assert assumption in text
    assert found["prices"]["as_of"] in shown


def test_a_page_that_cant_be_written_is_an_error(example: Path, tmp_path: Path, call: Any) -> None:
    done = call(cost, "--load", str(example), "--html", str(tmp_path / "none" / "cost.html"))
    assert done.code == 1
    assert "No such file or directory" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
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
        ("- 1", "the document is [1]; allowed: an object with functions, tables"),
        ("a: [", "neither YAML nor JSON"),
        *(
            (f"queues:\n  q: {{requests: {written}}}", f"load.yaml:2 queues.q.requests is {written}; allowed: a number")
            for written in (
                "010",
                "12:30",
                "1_000",
                "1e5",
                "0x1F",
                "0b1",
                ".5",
                "5.",
                "+5",
                "~",
                "yes",
                "2013-01-01",
                "1:30:00",
                "0420",
            )
        ),
        ("queues: {q: {requests: '010'}}", "queues.q.requests is '010'; allowed: a number"),
        ("functions: {f: {invocations: 1, billed_ms: 1}, f: {invocations: 2, billed_ms: 1}}", "f stands twice"),
        ("[" * 100_000, "nested"),
    ],
)
def test_a_wrong_load_is_wrong_usage_that_names_what_where_and_the_range(
    text: str, said: str, tmp_path: Path, call: Any
) -> None:
    path = tmp_path / "load.yaml"
    path.write_text(text)
    done = call(cost, "--load", str(path))
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert str(path) in done.err


def test_everything_that_is_wrong_in_a_load_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "load.yaml"
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


def test_a_section_without_a_value_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "load.yaml"
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
        priced(load)


def test_a_load_that_is_not_there_is_wrong_usage(tmp_path: Path, call: Any) -> None:
    done = call(cost, "--load", str(tmp_path / "none.yaml"))
    assert (done.code, done.out) == (2, "")
    assert "none.yaml can't be read" in done.err
