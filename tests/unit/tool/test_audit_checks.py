"""Checks of an audit on inventories made by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.audit import checks
from estate_tool.audit.checks.permissions import is_scoped
from estate_tool.audit.model import (
    URL,
    Capacity,
    EventSourceMapping,
    Function,
    Inventory,
    LogGroup,
    Notification,
    Queue,
    Role,
    Table,
)
from estate_tool.pricing import prices
from tests.support.log_lines import gathered, text_line

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[3]
ACCOUNT = "111122223333"
TAGS = {"Project": "p", "Environment": "e", "Owner": "o", "CostCenter": "1"}


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{name}"


def role(name: str, *allowed: tuple[str, str]) -> Role:
    statements = tuple(
        ("inline", {"Sid": "A", "Effect": "Allow", "Action": action, "Resource": resource})
        for action, resource in allowed
    )
    return Role(name=name, arn=f"arn:aws:iam::{ACCOUNT}:role/{name}", statements=statements)


def function(name: str, **more: Any) -> Function:
    settings: dict[str, Any] = {
        "memory_mb": 512, "timeout_seconds": 10, "architecture": "arm64", "code_sha256": name, "role": role(name).arn,
        "log_group": f"/aws/lambda/{name}", "failures_to": (arn("sqs", "failed"),),
    }  # fmt: skip
    return Function(name=name, arn=arn("lambda", f"function:{name}"), **(settings | more))


def estate(functions: Sequence[Function] = (), **more: Any) -> Inventory:
    """An inventory with tags and alarms for everything in it."""
    found = Inventory(account=ACCOUNT, region="us-east-1", functions=tuple(functions), **more)
    named = [one.arn for kind in (found.functions, found.tables, found.queues) for one in kind]
    groups = [arn("logs", f"log-group:{group.name}") for group in found.log_groups]
    errors = [("AWS/Lambda", "Errors", frozenset({("FunctionName", one.name)})) for one in found.functions]
    depth = ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    depths = [(*depth, frozenset({("QueueName", one.name)})) for one in found.queues]
    tags = dict.fromkeys([*named, *groups, *found.topics], TAGS)
    return replace(found, tags=tags, watched=frozenset([*errors, *depths]))


def found(inventory: Inventory) -> set[tuple[str, str]]:
    """Check and end of the resource's ARN of every finding; every check is one that docs/audit.md lists."""
    listed = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "audit.md").read_text(encoding="utf-8"), re.MULTILINE)
    reported = checks.findings(inventory, prices.read())
    assert {one.check for one in reported} <= set(listed)
    return {(one.check, one.resource.rpartition(":")[2]) for one in reported}


def queue(name: str, **more: Any) -> Queue:
    settings: dict[str, Any] = {"visibility_seconds": 60, "retention_seconds": 345_600, "dead_letters_to": "elsewhere"}
    return Queue(name=name, arn=arn("sqs", name), **(settings | more))


def test_an_empty_account_has_no_findings() -> None:
    assert found(estate()) == set()


def test_a_cycle_is_found_over_any_number_of_steps_and_reported_once() -> None:
    topic, work = arn("sns", "news"), queue("work")
    functions = [
        function("first", role=role("first", ("sns:Publish", topic)).arn),
        function("second", role=role("second", ("sqs:SendMessage", work.arn)).arn),
    ]
    roles = (role("first", ("sns:Publish", topic)), role("second", ("sqs:SendMessage", work.arn)))
    whole = estate(
        functions, roles=roles, topics=(topic,), queues=(work,), subscriptions=((topic, functions[1].arn),),
        mappings=(EventSourceMapping(function="first", source=work.arn),),
    )  # fmt: skip
    assert found(whole) == {("cycle", "first")}
    assert found(replace(whole, subscriptions=())) == set()
    off = (EventSourceMapping(function="first", source=work.arn, enabled=False),)
    assert found(replace(whole, mappings=off)) == set()


@pytest.mark.parametrize(
    ("action", "resource", "is_one"),
    [
        ("s3:PutObject", "arn:aws:s3:::files/*", True),
        ("s3:Put*", "arn:aws:s3:::files/in/2026/*", True),
        ("s3:*", "arn:aws:s3:::*", True),
        ("s3:PutObject", "arn:aws:s3:::files/out/*", False),
        ("s3:PutObject", "arn:aws:s3:::files/in/*.json", False),
        ("s3:GetObject", "arn:aws:s3:::files/*", False),
        ("s3:PutObject", "arn:aws:s3:::other/*", False),
    ],
)
def test_a_cycle_goes_over_a_bucket_if_what_is_written_is_what_it_notifies_of(
    action: str, resource: str, is_one: bool
) -> None:
    made = Notification(bucket="arn:aws:s3:::files", target=f"{function('f').arn}:live", prefix="in/", suffix=".csv")
    writes = role("f", (action, resource))
    whole = estate([function("f", role=writes.arn)], roles=(writes,), notifications=(made,))
    assert ("cycle" in {check for check, _ in found(whole)}) == is_one


@pytest.mark.parametrize(
    ("statement", "is_one"),
    [
        ({"NotAction": ["iam:*", "lambda:*"], "Resource": "*"}, True),
        ({"NotAction": ["s?s:*", "lambda:*"], "Resource": "*"}, False),
        ({"Action": "sqs:Send*", "NotResource": arn("sqs", "other")}, True),
        ({"Action": "sqs:SendMessage", "NotResource": arn("sqs", "wor?")}, False),
        ({"Action": "SQS:sendmessage", "Resource": arn("sqs", "w*")}, True),
    ],
)
def test_a_cycle_goes_over_what_statements_leave_open(statement: dict[str, Any], is_one: bool) -> None:
    writes = Role(name="f", arn=role("f").arn, statements=(("inline", {"Effect": "Allow", **statement}),))
    work, mapping = queue("work"), EventSourceMapping(function="f", source=arn("sqs", "work"))
    whole = estate([function("f", role=writes.arn)], roles=(writes,), queues=(work,), mappings=(mapping,))
    assert ("cycle" in {check for check, _ in found(whole)}) == is_one
    deny = ("inline", {"Effect": "Deny", "Action": "sqs:*", "Resource": work.arn})
    denied = replace(writes, statements=(*writes.statements, deny))
    assert "cycle" not in {check for check, _ in found(replace(whole, roles=(denied,)))}


def test_a_cycle_goes_over_aliases_of_functions() -> None:
    calls = role("a", ("lambda:InvokeFunction", f"{function('b').arn}:live"))
    one, other = function("a", role=calls.arn), function("b", succeeds_to=(f"{function('a').arn}:1",))
    assert found(estate([one, other], roles=(calls,))) == {("cycle", "a")}


@pytest.mark.parametrize(
    ("statement", "checks"),
    [
        ({"Action": "*", "Resource": "*"}, {"action-wildcard", "resource-wildcard", "role-overreach"}),
        ({"Action": "iam:Pass*", "Resource": "*"}, {"action-wildcard", "resource-wildcard", "role-overreach"}),
        ({"NotAction": "s3:*", "Resource": "*"}, {"action-wildcard", "resource-wildcard", "role-overreach"}),
        ({"NotAction": ["iam:*", "sts:*"], "Resource": "*"}, {"action-wildcard", "resource-wildcard"}),
        ({"Action": "sts:AssumeRole", "NotResource": "arn:aws:iam::1:role/a"}, {"resource-wildcard", "role-overreach"}),
        ({"Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/app/one"}, set()),
        ({"Action": ["XRAY:PutTraceSegments", "ec2:describesubnets"], "Resource": "*"}, set()),
        ({"Action": ["textract:DetectDocumentText", "kms:ListKeys"], "Resource": "*"}, set()),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, set()),
    ],
)
def test_statements_in_other_shapes(statement: dict[str, Any], checks: set[str]) -> None:
    made = Role(name="r", arn=role("r").arn, statements=(("inline", {"Effect": "Allow", **statement}),))
    reported = {check for check, _ in found(estate([function("f", role=made.arn)], roles=(made,)))}
    assert reported - {"cycle"} == checks


def test_cold_starts_of_events_are_no_finding() -> None:
    lines = [*[text_line(450, size=512, init=900)] * 10, *[text_line(450, size=512)] * 90]
    usage = {"f": gathered(*lines)}
    for invokers, waited in (({"sns.amazonaws.com"}, False), ({"s3.amazonaws.com", URL}, True), (set(), True)):
        whole = estate([function("f", invokers=frozenset(invokers))], usage=usage)
        assert found(whole) == ({("cold-starts", "f")} if waited else set())


def test_queues_that_take_failures_of_others_need_no_redrive() -> None:
    alone = queue("alone", dead_letters_to="")
    assert found(estate(queues=(alone,))) == {("queue-without-redrive", "alone")}
    assert found(estate(queues=(alone,), others_failures=frozenset({alone.arn}))) == set()


def test_failed_messages_of_a_fifo_queue_count_their_age_anew() -> None:
    for name, reported in (("dead.fifo", set[str]()), ("dead", {"dead-letters-short-lived"})):
        dead = queue(name, dead_letters_to="", retention_seconds=86_400)
        source = queue(name.replace("dead", "work"), dead_letters_to=dead.arn, retention_seconds=86_400)
        assert {check for check, _ in found(estate(queues=(source, dead)))} == reported


def test_a_table_that_a_function_writes_to_triggers_it_through_its_stream() -> None:
    table = Table(name="t", arn=arn("dynamodb", "table/t"))
    mapping = EventSourceMapping(
        function="f", source=f"{table.arn}/stream/2026", retries=2, age_seconds=60, failures_to="x"
    )
    writes = role("f", ("dynamodb:UpdateItem", table.arn))
    whole = estate([function("f", role=writes.arn)], roles=(writes,), tables=(table,), mappings=(mapping,))
    assert found(whole) == {("cycle", "f")}
    assert found(replace(whole, roles=(role("f", ("dynamodb:GetItem", table.arn)),))) == set()


def test_functions_whose_settings_name_each_other_cannot_be_created_in_one_pass() -> None:
    one, other = function("one"), function("other")
    whole = estate([replace(one, environment={"NEXT": other.arn}), replace(other, environment={"BACK": one.arn})])
    assert found(whole) == {("creation-cycle", "one")}
    assert found(estate([replace(one, environment={"NEXT": other.arn}), other])) == set()


@pytest.mark.parametrize(
    ("mapping", "check"),
    [
        ({"retries": -1, "age_seconds": -1}, "mapping-never-gives-up"),
        ({"retries": 3, "age_seconds": -1}, "mapping-failures-lost"),
        ({"retries": -1, "age_seconds": 3600}, "mapping-failures-lost"),
        ({}, "mapping-never-gives-up"),
        ({"retries": 3, "age_seconds": -1, "failures_to": "arn:aws:s3:::b"}, None),
        ({"retries": -1, "age_seconds": -1, "enabled": False}, None),
        ({"source": arn("kafka", "cluster/c")}, None),
        ({"source": arn("mq", "broker:b")}, None),
    ],
)
def test_a_stream_gives_up_and_reports_it(mapping: dict[str, Any], check: str | None) -> None:
    settings: dict[str, Any] = {"function": "f", "source": arn("dynamodb", "table/t/stream/2026"), **mapping}
    whole = estate([function("f")], mappings=(EventSourceMapping(**settings),))
    assert found(whole) == ({(check, "f")} if check else set())


@pytest.mark.parametrize(
    ("invokers", "triggered", "lost"),
    [
        (frozenset({"s3.amazonaws.com"}), False, True),
        (frozenset({"apigateway.amazonaws.com"}), False, False),
        (frozenset({URL}), False, False),
        (frozenset({URL, "sns.amazonaws.com"}), False, True),
        (frozenset(), False, True),
        (frozenset(), True, False),
        (frozenset({"events.amazonaws.com"}), True, True),
    ],
)
def test_asynchronous_failures_need_a_place(invokers: frozenset[str], triggered: bool, lost: bool) -> None:
    mappings = (EventSourceMapping(function="f", source=arn("sqs", "elsewhere")),) if triggered else ()
    whole = estate([function("f", failures_to=(), invokers=invokers)], mappings=mappings)
    assert found(whole) == ({("async-failures-lost", "f")} if lost else set())


@pytest.mark.parametrize(
    ("named", "scoped"),
    [
        ("*", False),
        ("arn:aws:dynamodb:us-east-1:111122223333:table/*", False),
        ("arn:aws:dynamodb:*:111122223333:table/orders", False),
        ("arn:aws:logs:*:*:*", False),
        ("arn:aws:lambda:us-east-1:111122223333:function:*", False),
        ("arn:aws:s3:::*", False),
        ("arn:aws:sqs:us-east-1:111122223333:*", False),
        ("arn:aws:s3:::bucket/*", True),
        ("arn:aws:sqs:us-east-1:111122223333:orders-*", True),
        ("arn:aws:dynamodb:us-east-1:111122223333:table/orders", True),
        ("arn:aws:dynamodb:us-east-1:111122223333:table/orders/stream/*", True),
        ("arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/f:*", True),
        ("arn:aws:iam::111122223333:role/*", False),
    ],
)
def test_a_resource_is_scoped_when_its_name_begins_before_the_wildcard(named: str, scoped: bool) -> None:
    assert is_scoped(named) is scoped


def test_statements_are_reported_by_what_is_wild_in_them() -> None:
    allowed = [("s3:Get*", "arn:aws:s3:::b/*"), ("xray:PutTraceSegments", "*"), ("iam:PassRole", "*")]
    whole = estate([function("f")], roles=(role("f", *allowed),))
    assert found(whole) == {
        ("action-wildcard", "role/f"), ("resource-wildcard", "role/f"), ("role-overreach", "role/f"),
    }  # fmt: skip


def test_capacity_of_indexes_and_of_one_direction_is_reported_with_its_price() -> None:
    capacities = (
        Capacity(direction="read", units=10, bounds=(1, 20), scaled=True),
        Capacity(direction="write", units=10, needed=Decimal(4)),
        Capacity(direction="read", units=5, index="by-day", bounds=(1, 20), needed=Decimal(9)),
    )
    whole = estate(tables=(Table(name="t", arn=arn("dynamodb", "table/t"), capacities=capacities),))
    reported = checks.findings(whole, prices.read())
    assert {(one.resource.rpartition(":")[2], one.usd_month) for one in reported} == {
        ("table/t", 6 * 730 * Decimal("0.00065")), ("table/t/index/by-day", Decimal(0)),
    }  # fmt: skip


def test_memory_saved_is_that_of_the_days_whose_logs_are_kept() -> None:
    evidence = gathered(*[text_line(100, size=1024, billed=1000)] * 1000)
    kept = (LogGroup(name="/aws/lambda/f", retention_days=7, stored_bytes=0),)
    whole = estate([function("f", memory_mb=1024)], usage={"f": evidence}, log_groups=kept)
    (reported,) = checks.findings(whole, prices.read())
    assert reported.usd_month is not None
    # 1,000 s in seven days; 128 MB do where 100 are used.
    by_hand = 1000 * Decimal("0.875") * Decimal("0.0000133334") * Decimal(730) / 24 / 7
    assert round(reported.usd_month, 8) == round(by_hand, 8)


def test_dead_letters_outlive_their_source_and_somebody_looks() -> None:
    dead = queue("dead", dead_letters_to="", retention_seconds=1_209_600)
    source = queue("source", dead_letters_to=dead.arn, retention_seconds=345_600)
    whole = estate(queues=(source, dead))
    assert found(whole) == set()
    assert found(replace(whole, watched=frozenset())) == {("dead-letters-unwatched", "dead")}
    assert found(estate(queues=(source, replace(dead, retention_seconds=345_600)))) == {
        ("dead-letters-short-lived", "dead")
    }
    assert found(estate(queues=(source, replace(dead, messages=3)))) == {("dead-letters-waiting", "dead")}


def test_endless_receives_are_fine_where_an_alarm_watches_the_age() -> None:
    dead = queue("dead", dead_letters_to="", retention_seconds=1_209_600)
    source = queue("source", dead_letters_to=dead.arn, retention_seconds=345_600, max_receives=1000)
    mapping = EventSourceMapping(function="f", source=source.arn)
    whole = estate([function("f")], queues=(source, dead), mappings=(mapping,))
    assert found(whole) == {("retries-endless", "source")}
    age = ("AWS/SQS", "ApproximateAgeOfOldestMessage", frozenset({("QueueName", "source")}))
    assert found(replace(whole, watched=whole.watched | {age})) == set()
    few = replace(whole, queues=(replace(source, max_receives=100), dead))
    assert found(few) == set()


def test_a_module_inside_different_packages_is_reported_of_each() -> None:
    packages = {"one": {"a/util.py": "d1", "a/main.py": "d2"}, "other": {"lib/util.py": "d1", "b.py": "d3"}}
    whole = estate([function("one"), function("other")], packages=packages)
    reported = {one.resource.rpartition(":")[2]: one.found for one in checks.findings(whole, prices.read())}
    assert reported == {"one": "a/util.py also in other", "other": "lib/util.py also in one"}
