from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.catalog import CATALOG as SHIPPED
from foundation.model import Capacity, Catalog, Function, Queue, QueueGrant, QueueTrigger, StreamTrigger, TableGrant
from foundation.problems import InvalidConfiguration, Problem
from foundation.validation import validate
from tests.support.declarations import CATALOG, COUNT, INBOX, ITEMS, READ, STORE, TOTALS, with_function, with_table


def _problems_of(catalog: Catalog) -> tuple[Problem, ...]:
    """All that is wrong with the catalog; that it is valid is no problem at all."""
    try:
        validate(catalog)
    except InvalidConfiguration as error:
        return error.problems
    return ()


def _one(catalog: Catalog) -> Problem:
    (problem,) = _problems_of(catalog)
    return problem


def _put(*tables: str) -> tuple[TableGrant, ...]:
    return tuple(TableGrant(table=table, access=("put",)) for table in tables)


@pytest.mark.parametrize("catalog", [SHIPPED, CATALOG], ids=["shipped", "bent by these tests"])
def test_a_catalog_as_it_is_declared_is_valid(catalog: Catalog) -> None:
    assert _problems_of(catalog) == ()


@pytest.mark.parametrize("name", ["Items", "", "1st", "it_ems", "x" * 25])
def test_names_that_break_the_rule_are_rejected(name: str) -> None:
    table = _one(replace(CATALOG, tables=(*CATALOG.tables, replace(TOTALS, name=name))))
    assert (table.where, table.value) == ("catalog table name", name)
    function = _one(with_function(replace(READ, name=name)))
    assert (function.where, function.value) == ("catalog function name", name)
    queues = (*CATALOG.queues, Queue(name=name))
    consumer = replace(STORE, name="other", trigger=QueueTrigger(queue=name))
    queue = _one(replace(with_function(consumer), queues=queues))
    assert (queue.where, queue.value) == ("catalog queue name", name)


@pytest.mark.parametrize("twin", ["totals", "tot-als"])
def test_names_that_differ_in_nothing_but_hyphens_are_rejected(twin: str) -> None:
    problem = _one(replace(CATALOG, tables=(*CATALOG.tables, replace(TOTALS, name=twin))))
    assert (problem.where, problem.value) == ("catalog table name", twin)
    assert "no other table" in problem.allowed


CAPACITY = Capacity(minimum=5, maximum=50)
BAD_TABLES: list[tuple[dict[str, Any], str, Any]] = [
    ({"read": None}, "catalog table 'items' read", None),
    ({"write": None}, "catalog table 'items' write", None),
    ({"read": replace(CAPACITY, minimum=0)}, "catalog table 'items' read minimum", 0),
    ({"write": replace(CAPACITY, maximum=4)}, "catalog table 'items' write maximum", 4),
    ({"write": replace(CAPACITY, maximum=40_001)}, "catalog table 'items' write maximum", 40_001),
    ({"read": replace(CAPACITY, target_percent=19)}, "catalog table 'items' read target_percent", 19),
    ({"read": replace(CAPACITY, target_percent=91)}, "catalog table 'items' read target_percent", 91),
    ({"read": replace(CAPACITY, minimum=True)}, "catalog table 'items' read minimum", True),
]


@pytest.mark.parametrize(("changes", "where", "value"), BAD_TABLES)
def test_a_tables_mistake_is_named(changes: dict[str, Any], where: str, value: Any) -> None:
    problem = _one(with_table(ITEMS, **changes))
    assert (problem.where, problem.value) == (where, value)


@pytest.mark.parametrize(
    ("changes", "where", "value"),
    [
        # Lambda's guide: fewer than five receives lose messages of a throttled function.
        ({"max_receive_count": 4}, "catalog queue 'inbox' max_receive_count", 4),
        ({"max_receive_count": 1001}, "catalog queue 'inbox' max_receive_count", 1001),
        ({"retention_days": 0}, "catalog queue 'inbox' retention_days", 0),
        ({"retention_days": 8}, "catalog queue 'inbox' retention_days", 8),
    ],
)
def test_a_queues_mistake_is_named(changes: dict[str, Any], where: str, value: Any) -> None:
    problem = _one(replace(CATALOG, queues=(replace(INBOX, **changes),)))
    assert (problem.where, problem.value) == (where, value)


ON_QUEUE = QueueTrigger(queue="inbox")
ON_STREAM = StreamTrigger(table="items")
BAD_FUNCTIONS: list[tuple[Function, dict[str, Any], str, Any]] = [
    (READ, {"handler": "handle"}, "handler", "handle"),
    (READ, {"handler": "read.handle"}, "handler", "read.handle"),
    (READ, {"handler": "read/handler.handle"}, "handler", "read/handler.handle"),
    (READ, {"timeout_seconds": 0}, "timeout_seconds", 0),
    (READ, {"timeout_seconds": 901}, "timeout_seconds", 901),
    (READ, {"environment": {"lower": "1"}}, "environment", "lower"),
    (READ, {"environment": {"AWS_REGION": "1"}}, "environment", "AWS_REGION"),
    (READ, {"environment": {"LAMBDA_X": "1"}}, "environment", "LAMBDA_X"),
    (READ, {"environment": {"TABLE_X": "1"}}, "environment", "TABLE_X"),
    (READ, {"environment": {"QUEUE_X": "1"}}, "environment", "QUEUE_X"),
    (STORE, {"trigger": replace(ON_QUEUE, batch_size=0)}, "trigger batch_size", 0),
    (STORE, {"trigger": replace(ON_QUEUE, batch_size=11)}, "trigger window_seconds", 0),
    (STORE, {"trigger": replace(ON_QUEUE, batch_size=10_001, window_seconds=1)}, "trigger batch_size", 10_001),
    (STORE, {"trigger": replace(ON_QUEUE, window_seconds=301)}, "trigger window_seconds", 301),
    (STORE, {"trigger": replace(ON_QUEUE, maximum_concurrency=1)}, "trigger maximum_concurrency", 1),
    (STORE, {"trigger": replace(ON_QUEUE, maximum_concurrency=1001)}, "trigger maximum_concurrency", 1001),
    (COUNT, {"trigger": StreamTrigger(table="item")}, "trigger table", "item"),
    (COUNT, {"trigger": StreamTrigger(table="totals"), "grants": ()}, "trigger table", "totals"),
    (COUNT, {"trigger": replace(ON_STREAM, parallelization=11)}, "trigger parallelization", 11),
    (COUNT, {"trigger": replace(ON_STREAM, retries=-2)}, "trigger retries", -2),
    (COUNT, {"trigger": replace(ON_STREAM, retries=10_001)}, "trigger retries", 10_001),
    (COUNT, {"critical": True}, "critical", True),
    (COUNT, {"reserved_concurrency": 0}, "reserved_concurrency", 0),
    (STORE, {"reserved_concurrency": 1}, "reserved_concurrency", 1),
    (READ, {"grants": _put("total")}, "grant table", "total"),
    (READ, {"grants": (QueueGrant(queue="inbx", access=("send",)),)}, "grant queue", "inbx"),
    (READ, {"grants": (TableGrant(table="totals", access=()),)}, "grant on 'totals' access", ()),
    (READ, {"grants": (TableGrant(table="totals", access=("scan",)),)}, "grant on 'totals' access", "scan"),
    (READ, {"grants": (TableGrant(table="totals", access=("*",)),)}, "grant on 'totals' access", "*"),
    (READ, {"grants": (QueueGrant(queue="inbox", access=("put",)),)}, "grant on 'inbox' access", "put"),
    (READ, {"grants": _put("totals", "totals")}, "grants", "totals"),
]


@pytest.mark.parametrize(("function", "changes", "where", "value"), BAD_FUNCTIONS)
def test_a_functions_mistake_is_named(function: Function, changes: dict[str, Any], where: str, value: Any) -> None:
    problem = _one(with_function(function, **changes))
    assert (problem.where, problem.value) == (f"catalog function {function.name!r} {where}", value)


def test_the_closest_known_name_is_offered_for_an_unknown_one() -> None:
    assert "did you mean 'items'?" in _one(with_function(COUNT, trigger=StreamTrigger(table="item"))).allowed


def test_a_trigger_on_an_unknown_queue_is_named() -> None:
    stranger = replace(STORE, name="stranger", trigger=QueueTrigger(queue="inbix"))
    problem = _one(with_function(stranger))
    assert (problem.where, problem.value) == ("catalog function 'stranger' trigger queue", "inbix")


def test_a_queue_without_a_consumer_is_rejected() -> None:
    problem = _one(replace(CATALOG, queues=(*CATALOG.queues, Queue(name="forgotten"))))
    assert (problem.where, problem.value) == ("catalog queue 'forgotten' consumer", None)
    assert problem.allowed == "exactly one function"


def test_a_queue_with_two_consumers_is_rejected() -> None:
    problem = _one(with_function(replace(STORE, name="rival")))
    assert problem.where == "catalog queue 'inbox' consumer"
    assert problem.value == "store, rival"


def test_two_owners_of_one_failure_queue_are_rejected() -> None:
    problem = _one(with_function(replace(READ, name="inbox")))
    assert (problem.where, problem.value) == ("catalog function name", "inbox")
    assert problem.allowed == "another name: queue 'inbox' has the failure queue dlq-inbox already"


def test_a_function_may_have_the_name_of_the_queue_it_consumes() -> None:
    functions = (replace(STORE, name="inbox"), COUNT, READ)
    assert _problems_of(replace(CATALOG, functions=functions)) == ()


@pytest.mark.parametrize(
    ("function", "changes", "nodes"),
    [
        (COUNT, {"grants": _put("items")}, {"function count", "table items"}),
        (
            STORE,
            {"grants": (QueueGrant(queue="inbox", access=("send",)),)},
            {"function store", "queue inbox"},
        ),
        (
            COUNT,
            {"grants": (QueueGrant(queue="inbox", access=("send",)),)},
            {"function store", "table items", "function count", "queue inbox"},
        ),
    ],
    ids=["direct through a stream", "direct through a queue", "through two functions, a table and a queue"],
)
def test_a_cycle_is_shown_as_the_path_it_takes(function: Function, changes: dict[str, Any], nodes: set[str]) -> None:
    problem = _one(with_function(function, **changes))
    path = str(problem.value).split(" → ")
    assert problem.where == "catalog cycle"
    assert problem.allowed == "no function whose writes trigger itself"
    assert set(path) == nodes
    assert path[0] == path[-1]


def test_a_long_cycle_through_several_queues_is_found() -> None:
    relays = tuple(
        replace(
            STORE,
            name=f"relay{number}",
            trigger=QueueTrigger(queue=f"hop{number}"),
            grants=(QueueGrant(queue=f"hop{(number + 1) % 5}", access=("send",)),),
        )
        for number in range(5)
    )
    queues = tuple(Queue(name=f"hop{number}") for number in range(5))
    ring = Catalog(tables=(), queues=queues, functions=relays)
    assert all(f"queue hop{number}" in str(_one(ring).value) for number in range(5))
    open_chain = (*relays[:4], replace(relays[4], grants=()))
    assert _problems_of(replace(ring, functions=open_chain)) == ()


@pytest.mark.parametrize("grant", [TableGrant(table="items", access=("get", "query"))])
def test_reading_the_source_is_no_cycle(grant: TableGrant) -> None:
    assert _problems_of(with_function(COUNT, grants=(grant,))) == ()


def test_releasing_messages_of_the_own_queue_is_no_cycle() -> None:
    assert _problems_of(with_function(STORE, grants=(QueueGrant(queue="inbox", access=("release",)),))) == ()


def test_all_mistakes_are_reported_at_once() -> None:
    catalog = replace(
        with_function(READ, timeout_seconds=0, grants=_put("nowhere")),
        queues=(replace(INBOX, max_receive_count=1),),
        tables=(ITEMS, replace(TOTALS, read=CAPACITY)),
    )
    assert {problem.where for problem in _problems_of(catalog)} == {
        "catalog table 'totals' write",
        "catalog queue 'inbox' max_receive_count",
        "catalog function 'read' timeout_seconds",
        "catalog function 'read' grant table",
    }


@st.composite
def chains(draw: st.DrawFn) -> tuple[Catalog, bool]:
    """Functions on queues of their own that send to any queues, and whether a message can come back to where it was."""
    count = draw(st.integers(1, 6))
    sends = [draw(st.sets(st.integers(0, count - 1), max_size=3)) for _ in range(count)]
    functions = tuple(
        replace(
            STORE, name=f"f{number}", trigger=QueueTrigger(queue=f"q{number}"),
            grants=tuple(QueueGrant(queue=f"q{target}", access=("send",)) for target in sorted(targets)),
        )
        for number, targets in enumerate(sends)
    )  # fmt: skip
    reached = [set(targets) for targets in sends]
    for _ in range(count):
        reached = [targets.union(*(reached[target] for target in targets)) for targets in reached]
    queues = tuple(Queue(name=f"q{number}") for number in range(count))
    returns = any(number in targets for number, targets in enumerate(reached))
    return Catalog(tables=(), queues=queues, functions=draw(st.permutations(functions).map(tuple))), returns


@given(chains())
def test_a_cycle_is_found_exactly_where_a_message_can_come_back(chain: tuple[Catalog, bool]) -> None:
    catalog, returns = chain
    assert [problem.where for problem in _problems_of(catalog)] == (["catalog cycle"] if returns else [])


NUMBERS = st.integers(-2, 20_000) | st.booleans()
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=30), "handler": st.text(max_size=20), "timeout_seconds": NUMBERS,
        "reserved_concurrency": st.none() | NUMBERS, "critical": st.booleans(),
        "environment": st.dictionaries(st.text(max_size=8), st.text(max_size=3), max_size=2),
        "trigger": st.none()
        | st.builds(QueueTrigger, queue=st.text(max_size=5) | st.just("inbox"), batch_size=NUMBERS,
                    window_seconds=NUMBERS, maximum_concurrency=NUMBERS)
        | st.builds(StreamTrigger, table=st.text(max_size=5) | st.just("items"), batch_size=NUMBERS, retries=NUMBERS),
        "grants": st.lists(
            st.builds(TableGrant, table=st.sampled_from(["items", "totals", "no"]),
                      access=st.lists(st.text(max_size=6) | st.just("put"), max_size=2).map(tuple))
            | st.builds(QueueGrant, queue=st.sampled_from(["inbox", "no"]), access=st.sampled_from([(), ("send",)])),
            max_size=3,
        ).map(tuple),
    },
)  # fmt: skip


@given(st.sampled_from([STORE, COUNT, READ]), CHANGES)
def test_any_declaration_is_valid_or_reported_with_its_declaration_and_rule(
    function: Function, changes: dict[str, Any]
) -> None:
    others = tuple(other for other in CATALOG.functions if other is not function)
    for problem in _problems_of(replace(CATALOG, functions=(*others, replace(function, **changes)))):
        assert problem.where.startswith("catalog ")
        assert problem.allowed
