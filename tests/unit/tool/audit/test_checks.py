"""Checks of an audit on inventories made by hand: each finding, its price, and look-alikes without one."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.audit.checks.housekeeping import coverage
from estate_tool.audit.model import URL, Capacity, LogGroup
from tests.support.accounts import (
    DAY,
    ORDERS,
    WORK,
    allow,
    arn,
    checked,
    findings,
    function,
    inventory,
    mapping,
    queue,
    role,
    table,
)  # fmt: skip
from tests.support.log_lines import gathered, text_line

if TYPE_CHECKING:
    from estate_tool.audit.model import Inventory

STREAM = arn("dynamodb", "table/t/stream/2026")
HERE = arn("lambda", "function:worker")
OF_URL = {"Principal": "*", "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}}


def policy(*services: str) -> Any:
    """A resource policy that lets services, or callers of its URL, call a function."""
    return tuple(OF_URL if one == URL else {"Principal": {"Service": one}} for one in services)


def consumer(**about_queue: Any) -> Inventory:
    return inventory(function(), queues=(queue(**about_queue),), mappings=(mapping(WORK),))


WILD, BROAD, OVERREACH = "action-wildcard", "resource-wildcard", "role-overreach"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("*", "*"), {WILD, BROAD, OVERREACH}),
        (allow("iam:Pass*", "*"), {WILD, BROAD, OVERREACH}),
        (allow("iam:PassRole", "*", Condition={"StringEquals": {}}), {BROAD}),
        ({"NotAction": "s3:*", "Resource": "*"}, {WILD, BROAD, OVERREACH}),
        ({"NotAction": ["iam:*", "sts:*"], "Resource": "*"}, {WILD, BROAD}),
        ({"Action": "sts:AssumeRole", "NotResource": "arn:aws:iam::1:role/a"}, {BROAD, OVERREACH}),
        (allow("iam:PassRole", "arn:aws:iam::111122223333:role/app/one"), set()),
        (allow(["XRAY:PutTraceSegments", "ec2:describesubnets"], "*"), set()),
        (allow(["textract:DetectDocumentText", "kms:ListKeys"], "*"), set()),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, set()),
        (allow("s3:Get?", "arn:aws:s3:::bucket/*"), {WILD}),
        (allow("x:Get", "arn:aws:dynamodb:us-east-1:111122223333:table/*"), {BROAD}),
        (allow("x:Get", "arn:aws:dynamodb:*:111122223333:table/orders"), {BROAD}),
        (allow("x:Get", "arn:aws:logs:*:*:*"), {BROAD}),
        (allow("x:Get", "arn:aws:lambda:us-east-1:111122223333:function:*"), {BROAD}),
        (allow("x:Get", "arn:aws:s3:::*"), {BROAD}),
        (allow("x:Get", "arn:aws:sqs:us-east-1:111122223333:*"), {BROAD}),
        (allow("x:Get", "arn:aws:iam::111122223333:role/*"), {BROAD}),
        (allow("x:Get", "arn:aws:sqs:us-east-1:111122223333:orders-*"), set()),
        (allow("x:Get", "arn:aws:dynamodb:us-east-1:111122223333:table/orders/stream/*"), set()),
        (allow("x:Get", "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/f:*"), set()),
    ],
    ids=lambda value: json.dumps(value if isinstance(value, dict) else sorted(value)),
)  # fmt: skip
def test_statements_are_reported_by_what_is_wild_in_them(statement: dict[str, Any], expected: Any) -> None:
    whole = inventory(function(), roles=(role({"Effect": "Allow", **statement}),))
    assert {check for check, _ in checked(whole)} - {"cycle"} == expected


def test_roles_of_several_functions_and_of_anybody_are_reported() -> None:
    trust = ({"Effect": "Allow", "Principal": {"AWS": ["*"]}}, {"Effect": "Allow", "Principal": {"Service": "*"}})
    users = [function(name, role=role().arn) for name in ("one", "other")]
    found = checked(inventory(*users, roles=(replace(role(), trust=trust),)))
    assert found == {("role-shared", "role/worker"), ("role-trust", "role/worker")}
    limited = ({**trust[0], "Condition": {"StringEquals": {}}}, {"Effect": "Deny", "Principal": "*"})
    assert checked(inventory(users[0], roles=(replace(role(), trust=limited),))) == set()


@pytest.mark.parametrize(
    ("found", "check"),
    [
        ({"source": STREAM, "retries": -1, "age_seconds": -1}, "mapping-never-gives-up"),
        ({"source": STREAM}, "mapping-never-gives-up"),
        ({"source": STREAM, "retries": 3, "age_seconds": -1}, "mapping-failures-lost"),
        ({"source": STREAM, "retries": -1, "age_seconds": 3600}, "mapping-failures-lost"),
        ({"source": STREAM, "retries": 3, "age_seconds": -1, "failures_to": "arn:aws:s3:::b"}, None),
        ({"source": STREAM, "retries": -1, "age_seconds": -1, "enabled": False}, None),
        ({"source": arn("kafka", "cluster/c")}, None),
        ({"source": ""}, None),
    ],
)
def test_a_stream_gives_up_and_reports_it(found: dict[str, Any], check: str | None) -> None:
    whole = inventory(function(failures_to=()), mappings=(mapping(**found),))
    assert checked(whole) == ({(check, "worker")} if check else set())


@pytest.mark.parametrize(
    ("invokers", "triggered", "lost", "waited"),
    [
        (policy("s3.amazonaws.com"), False, True, False),
        (policy("apigateway.amazonaws.com"), False, False, True),
        (policy(URL), False, False, True),
        (policy(URL, "sns.amazonaws.com"), False, True, True),
        ((), False, True, True),
        ((), True, False, False),
        (policy("events.amazonaws.com"), True, True, False),
    ],
)
def test_callers_decide_about_failures_and_cold_starts(
    invokers: Any, triggered: bool, lost: bool, waited: bool
) -> None:
    usage = {"worker": gathered(*[text_line(450, 512, init=900.0)] * 10, *[text_line(450, 512)] * 90)}
    mappings = (mapping(arn("sqs", "elsewhere")),) if triggered else ()
    whole = inventory(function(failures_to=(), policy=invokers), mappings=mappings, usage=usage)
    assert ("async-failures-lost" in dict(checked(whole)), "cold-starts" in dict(checked(whole))) == (lost, waited)


DEAD = queue("dead", dead_letters_to="", retention_seconds=14 * DAY)
FAILING = queue("failing", dead_letters_to=DEAD.arn)
FIFO = queue("dead.fifo", dead_letters_to="", retention_seconds=DAY)
ALONE = queue("alone", dead_letters_to="")


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        (inventory(), set()),
        (inventory(queues=(FAILING, DEAD)), set()),
        (replace(inventory(queues=(FAILING, DEAD)), watched=frozenset()), {"dead-letters-unwatched"}),
        (inventory(queues=(FAILING, replace(DEAD, messages=3))), {"dead-letters-waiting"}),
        (inventory(queues=(FAILING, replace(DEAD, retention_seconds=4 * DAY))), {"dead-letters-short-lived"}),
        (inventory(queues=(replace(FAILING, dead_letters_to=FIFO.arn), FIFO)), set()),  # there, age counts anew
        (inventory(queues=(ALONE,)), {"queue-without-redrive"}),
        (inventory(queues=(ALONE,), other_failure_queues=frozenset({ALONE.arn})), set()),
        (inventory(function(failures_to=(ALONE.arn,)), queues=(ALONE,)), set()),
        (inventory(queues=(ALONE,), mappings=(mapping(STREAM, retries=1, failures_to=ALONE.arn),)), set()),
        (consumer(max_receives=101), {"retries-endless"}),
        (consumer(max_receives=100), set()),
        (consumer(visibility_seconds=9), {"visibility-short"}),
        (consumer(visibility_seconds=10), set()),
        (replace(consumer(visibility_seconds=9), mappings=(mapping(WORK, enabled=False),)), set()),
        (inventory(function(reserved=0)), {"concurrency-zero"}),
        (inventory(function(reserved=1)), set()),
        (replace(inventory(function()), watched=frozenset()), {"errors-unwatched"}),
    ],
)  # fmt: skip
def test_failures_end_somewhere_and_are_noticed(whole: Inventory, expected: Any) -> None:
    assert {check for check, _ in checked(whole)} == expected


def test_endless_receives_are_fine_where_an_alarm_watches_the_age() -> None:
    age = ("AWS/SQS", "ApproximateAgeOfOldestMessage", frozenset({("QueueName", "work")}))
    whole = consumer(max_receives=1000)
    assert checked(replace(whole, watched=whole.watched | {age})) == set()


def scaled(direction: str = "read", **about: Any) -> Inventory:
    return inventory(tables=(table(capacities=(Capacity(direction=direction, units=10, **about),)),))


def used(memory_mb: int, *lines: str, **more: Any) -> Inventory:
    return inventory(function(memory_mb=memory_mb), usage={"worker": gathered(*lines)}, **more)


def idle(share: float, floor: int) -> Inventory:
    key, kept = ("worker", "live"), function(provisioned={"live": 10})
    return inventory(kept, provisioned_use={key: share}, provisioned_floor={key: floor})


def logged(name: str, days: int | None) -> LogGroup:
    return LogGroup(name=name, retention_days=days, stored_bytes=2 * 10**9)


OWN = "/aws/lambda/worker"
SECOND = text_line(100, 1024, billed=1000)
# 1,000 s in seven days; 128 MB do where 100 are used.
SAVED = 1000 * Decimal("0.875") * Decimal("0.0000133334") * Decimal(730) / 24 / 7
# Ten environments of half a GB, of which 81 % are not used, in 730 hours.
IDLE = Decimal("8.1") / 2 * 730 * 3600 * Decimal("0.0000033334")


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        (scaled(bounds=(1, 20), scaled=True), []),
        (scaled(bounds=(5, 5), scaled=True), [("capacity-bounds", ORDERS, None)]),
        (scaled(), [("capacity-fixed", ORDERS, None)]),
        (scaled(direction="write", needed=Decimal(4)), [("capacity-fixed", ORDERS, 6 * 730 * Decimal("0.00065"))]),
        (
            scaled(index="by-day", bounds=(1, 20), needed=Decimal(19)),
            [("capacity-fixed", f"{ORDERS}/index/by-day", Decimal(0))],
        ),
        (used(1024, *[SECOND] * 1000, log_groups=(logged(OWN, 7),)), [("memory-oversized", HERE, SAVED)]),
        (used(192, *[text_line(100, 192, billed=0)] * 50), [("memory-oversized", HERE, Decimal(0))]),
        (used(191, *[text_line(100, 191)] * 50), []),
        (used(192, *[text_line(100, 192)] * 49), []),
        (used(512, text_line(512, 512)), [("memory-exhausted", HERE, None)]),
        (idle(0.19, 2), [("provisioned-idle", f"{HERE}:live", IDLE)]),
        (idle(0.2, 2), []),
        (idle(0.1, 1), []),
        (inventory(log_groups=(logged("/other", None),)), [("logs-for-ever", "/other", 2 * Decimal("0.03"))]),
        (inventory(log_groups=(logged("/other", 400),)), []),
        (inventory(function(), log_groups=(logged(OWN, 6),)), [("logs-retention", OWN, None)]),
        (inventory(function(), log_groups=(logged(OWN, 7),)), []),
        (inventory(function(), log_groups=(logged(OWN, 14),)), []),
        (inventory(function(), log_groups=(logged(OWN, 15),)), [("logs-retention", OWN, None)]),
    ],
)  # fmt: skip
def test_findings_with_a_price_have_it_as_by_hand(whole: Inventory, expected: list[Any]) -> None:
    found = [(one.check, one.resource, one.usd_month) for one in findings(whole)]
    assert found == [(check, resource, usd and pytest.approx(usd)) for check, resource, usd in expected]


def test_missing_tags_are_reported_and_counted_by_key() -> None:
    whole = inventory(function("one"), function("other"), log_groups=(logged("g", 7),), topics=(arn("sns", "t"),))
    tags = {**whole.tags, arn("lambda", "function:other"): {"Project": "p", "Environment": "e", "Owner": " "}}
    del tags[arn("logs", "log-group:g")]
    whole = replace(whole, tags=tags)
    assert checked(whole) == {("tags-missing", "other"), ("tags-missing", "g")}
    assert coverage(whole) == {"Project": 75.0, "Environment": 75.0, "Owner": 75.0, "CostCenter": 50.0}
    assert coverage(inventory()) == {}


def test_code_inside_different_packages_is_reported_of_each() -> None:
    packages = {"one": {"a/util.py": "d1", "main.py": "d2"}, "other": {"lib/util.py": "d1"}, "p": {"s.py": "d3"}}
    packages["q"] = packages["p"]
    same = {"p": "x", "q": "x"}
    whole = inventory(*(function(name, code_sha256=same.get(name, name)) for name in packages), packages=packages)
    assert {(one.check, one.resource.rpartition(":")[2], one.found) for one in findings(whole)} == {
        ("module-copied", "one", "a/util.py also in other"), ("module-copied", "other", "lib/util.py also in one"),
        ("code-copied", "p", "the same package as q"), ("code-copied", "q", "the same package as p"),
    }  # fmt: skip
