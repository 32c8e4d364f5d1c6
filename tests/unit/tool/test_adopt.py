"""Adoption of functions: what of an account becomes which declaration, and what is noted of the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from compute.sizing import memory_by_function, text_of
from estate_tool.adopt import names, review, run, schedules
from estate_tool.adopt.model import Note, OldFunction, OldQueue, OldTable, Source
from estate_tool.adopt.package import analyzed
from estate_tool.adopt.schedules import OldSchedule
from estate_tool.adopt.sizes import sizing
from estate_tool.adopt.source import chosen
from estate_tool.adopt.translation import Translation, translate
from estate_tool.audit.collect import Collector
from estate_tool.audit.model import Capacity as Findings
from estate_tool.audit.model import Function, Queue, Role
from estate_tool.audit.reader import Reader
from estate_tool.core.errors import Failed, UsageError
from estate_tool.core.paths import require_empty
from estate_tool.costing import statement
from estate_tool.monitoring.metrics import Window
from estate_tool.pricing import prices
from foundation import model
from foundation.grants import ActionGrant
from foundation.schedules import payload
from foundation.secrets import SecretGrant
from foundation.urls import FunctionUrl
from foundation.validation import validate
from foundation.values import PerEnvironment
from tests.support.log_lines import gathered, text_line
from tests.support.schema import breaches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = "111122223333"


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{name}"


ORDERS, WORK = arn("dynamodb", "table/prod-orders"), arn("sqs", "work")


def role(*statements: tuple[str | list[str], str | list[str]], **more: Any) -> Role:
    allowed = tuple(
        ("p", {"Sid": "A", "Effect": "Allow", "Action": action, "Resource": on, **more}) for action, on in statements
    )
    return Role(name="r", arn="arn:aws:iam::111122223333:role/r", statements=allowed)


def function(name: str = "worker", allowed: Role | None = None, /, **more: Any) -> OldFunction:
    """A function as found; keyword arguments are of OldFunction, of the audit's Function, or of ListFunctions."""
    found: dict[str, Any] = {
        "name": name, "arn": arn("lambda", f"function:{name}"), "memory_mb": 3008, "timeout_seconds": 20,
        "architecture": "arm64", "role": "r", "code_sha256": "x", "log_group": f"/aws/lambda/{name}",
    }  # fmt: skip
    old: dict[str, Any] = {"role": allowed or role(), "shared_role": (name,)}
    settings: dict[str, Any] = {"Runtime": "python3.13", "Handler": "app.handle"}
    for key, value in more.items():
        group = settings if key[0].isupper() else old if key in OldFunction.__dataclass_fields__ else found
        group[key] = value
    return OldFunction(found=Function(**found), settings=settings, **old)


def table(name: str = "prod-orders", kind: str = "S", capacities: tuple[Findings, ...] = (), **more: Any) -> OldTable:
    settings = {
        "TableName": name, "TableArn": arn("dynamodb", f"table/{name}"),
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": kind}],
    }  # fmt: skip
    return OldTable(settings=settings | more, capacities=capacities)


def queue(name: str = "work", settings: dict[str, str] | None = None, **more: Any) -> OldQueue:
    about: dict[str, Any] = {"visibility_seconds": 120, "retention_seconds": 4 * 86_400, "max_receives": 5}
    url = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/{name}"
    return OldQueue(found=Queue(name=name, arn=arn("sqs", name), **(about | more)), url=url, settings=settings or {})


def translated(
    *functions: OldFunction, stores: tuple[OldTable | OldQueue, ...] = (), consumers: Any = None
) -> Translation:
    """The translation, whose catalog is valid."""
    by_source = {one["EventSourceArn"]: (old.name,) for old in functions for one in old.mappings}
    source = Source(
        account=ACCOUNT, region="eu-west-1", functions=functions,
        tables={one.arn: one for one in stores if isinstance(one, OldTable)},
        queues={one.arn: one for one in stores if isinstance(one, OldQueue)},
        consumers=by_source | (consumers or {}),
    )  # fmt: skip
    done = translate(source, {})
    validate(done.catalog)
    return done


def noted(done: Translation) -> set[tuple[str, str, str]]:
    return {(note.kind, note.resource, note.setting) for note in done.notes}


def mapping(source: str, **more: Any) -> dict[str, Any]:
    usual = {"State": "Enabled", "BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    return usual | {"EventSourceArn": source} | more


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("OrdersProcessor", "orders-processor"), ("prod-orders-function", "orders"), ("lambda_orders_dev", "orders"),
        ("shop-OrdersFunction-1A2B3C4D5E6F", "shop-orders"), ("HTTPApiV2", "http-api-v2"), ("queue", "queue"),
        ("2024-report", "report"), ("orders.fifo", "orders-fifo"), ("prod", "prod"),
        ("a-very-long-name-of-a-function-in-our-account", "a-very-long-name-of-a"), ("__", ""),
    ],
)  # fmt: skip
def test_logical_names_leave_out_types_environments_and_what_was_generated(old: str, new: str) -> None:
    assert names.logical(old) == new


def test_names_that_would_be_the_same_are_refused_unless_one_is_chosen() -> None:
    with pytest.raises(UsageError, match="prod-orders") as refused:
        names.named("function", ["prod-orders", "orders-fn"], {})
    assert "--name" in refused.value.hint
    assert names.named("function", ["prod-orders", "orders-fn"], {"orders-fn": "second"})["orders-fn"] == "second"


def test_an_unknown_function_is_refused_with_the_closest_name_and_patterns_name_several() -> None:
    listed = [{"FunctionName": name} for name in ("orders", "orders-2", "mail")]
    assert [one["FunctionName"] for one in chosen(["orders*", arn("lambda", "function:orders")], listed)] == [
        "orders", "orders-2",
    ]  # fmt: skip
    with pytest.raises(UsageError) as refused:
        chosen(["ordres"], listed)
    assert "'orders'" in refused.value.hint


def test_a_queue_its_consumer_and_a_table_become_declarations() -> None:
    statements = ["dynamodb:PutItem", "dynamodb:GetItem"], ORDERS
    worker = function(
        "worker", role(statements), mappings=(mapping(WORK, ScalingConfig={"MaximumConcurrency": 7}),),
        environment={"ORDERS_TABLE": "prod-orders", "LEVEL": "info"}, reserved=20,
    )  # fmt: skip
    done = translated(worker, stores=(table(), queue()))
    (made,) = done.catalog.functions
    assert made.trigger == model.QueueTrigger(queue="work", maximum_concurrency=7)
    assert made.grants == (model.TableGrant(table="orders", access=("get", "put")),)
    assert (made.timeout_seconds, made.reserved_concurrency, made.environment) == (20, 20, {"LEVEL": "info"})
    assert made.handler == "worker.app.handle"
    assert done.catalog.queues == (model.Queue(name="work", max_receive_count=5, retention_days=4),)
    assert noted(done) == {("code", "worker", "environment")}


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({"Layers": [{"Arn": "l"}]}, ("missing", "layers")),
        ({"VpcConfig": {"SubnetIds": ["s"]}}, ("missing", "VPC")),
        ({"EphemeralStorage": {"Size": 2048}}, ("missing", "storage")),
        ({"reserved": 0}, ("differs", "reserved concurrency")),
        ({"TracingConfig": {"Mode": "Active"}}, ("missing", "tracing")),
        ({"architecture": "x86_64"}, ("differs", "architecture")),
        ({"Runtime": "python3.9"}, ("differs", "runtime")),
        ({"Handler": "index.myHandler"}, ("code", "handler")),
        ({"environment": {"DB_PASSWORD": "x"}}, ("missing", "environment")),
        ({"succeeds_to": ("t",)}, ("missing", "on success")),
        ({"environment": {"URL": "postgres://u:p@host/x"}}, ("missing", "environment")),
        ({"environment": {"camelCase": "x"}}, ("missing", "environment")),
        ({"callers": ({"Principal": {"Service": "s3.amazonaws.com"}},)}, ("missing", "caller")),
        ({"mappings": (mapping(arn("kinesis", "stream/s")),)}, ("missing", "trigger")),
        ({"role": role(("s3:GetObject", "*"))}, ("missing", "grant")),
        ({"role": role((["s3:*", "iam:Pass*"], "arn:aws:s3:::b/*"))}, ("missing", "grant")),
        ({"role": role(("s3:GetObject", "arn:aws:s3:::b/*")), "shared_role": ("worker", "o")}, ("missing", "grant")),
        ({"role": role(("dynamodb:GetItem", "*"))}, ("missing", "grant")),
        ({"provisioned": {"live": 3}}, ("differs", "provisioned concurrency")),
    ],
)
def test_each_thing_without_a_word_is_noted_and_the_function_declared(more: Any, note: tuple[str, str]) -> None:
    done = translated(function("worker", **more))
    assert noted(done) == {(note[0], "worker", note[1])}
    assert [one.environment for one in done.catalog.functions] == [{}]


RULE = arn("events", "rule/nightly")
BY_RULE = {"Principal": {"Service": "events.amazonaws.com"}, "Condition": {"ArnLike": {"AWS:SourceArn": RULE}}}


def timed(expression: str, target: dict[str, Any] | None = None, **more: Any) -> OldSchedule:
    return OldSchedule(arn=RULE, settings={"ScheduleExpression": expression, **more}, target=target or {})


def test_schedules_become_triggers_and_their_rule_is_no_caller_any_more() -> None:
    policy = {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 900}
    nightly = timed(
        "cron(0 2 * * ? *)", {"Input": '{"all": true}', "RetryPolicy": policy}, State="DISABLED",
        ScheduleExpressionTimezone="Europe/Berlin",
    )  # fmt: skip
    done = translated(function("worker", schedules=(nightly, timed("rate(1 day)")), callers=(BY_RULE,)))
    (made,) = done.catalog.functions
    assert made.trigger == model.ScheduleTrigger(
        expression="cron(0 2 * * ? *)", timezone="Europe/Berlin", input={"all": True}, retry_attempts=3,
        maximum_event_age_seconds=900, enabled=False,
    )  # fmt: skip
    # The event has another form; of two schedules, one is declared.
    assert noted(done) == {("code", "worker", "schedule"), ("missing", "worker", "schedule")}
    validate(done.catalog)


@pytest.mark.parametrize("given", [{}, {"all": True, "input": {"days": 7}}])
def test_a_schedule_of_an_estate_keeps_its_declaration(given: dict[str, Any]) -> None:
    declared = model.ScheduleTrigger(expression="rate(1 day)", input=given)
    done = translated(function("worker", schedules=(timed("rate(1 day)", {"Input": payload(declared)}),)))
    (made,) = done.catalog.functions
    assert (made.trigger, noted(done)) == (declared, set())


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (timed("rate(7 fortnights)"), {("missing", "schedule"), ("missing", "caller")}),
        (timed("rate(1 day)", {"Input": "[1]"}), {("code", "schedule"), ("missing", "schedule input")}),
        (timed("rate(1 day)", {"Input": "text"}), {("code", "schedule"), ("missing", "schedule input")}),
        (timed("rate(1 day)", {"InputPath": "$.x"}), {("code", "schedule"), ("missing", "InputPath")}),
        (
            timed("rate(1 day)", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 9}),
            {("code", "schedule"), ("differs", "flexible window")},
        ),
        (timed("rate(1 day)", EndDate="2030"), {("code", "schedule"), ("missing", "EndDate")}),
    ],
)
def test_what_a_schedule_cannot_hold_is_noted(schedule: OldSchedule, expected: set[tuple[str, str]]) -> None:
    callers = (BY_RULE,) if ("missing", "caller") not in expected else ({"Principal": "*"},)
    done = translated(function("worker", schedules=(schedule,), callers=callers))
    assert noted(done) == {(kind, "worker", setting) for kind, setting in expected}
    validate(done.catalog)


@pytest.mark.parametrize("more", [{"PackageType": "Image", "Runtime": None}, {"Runtime": "nodejs22.x"}])
def test_other_runtimes_and_images_are_not_declared(more: Any) -> None:
    done = translated(function("worker", **more))
    assert (done.catalog.functions, noted(done)) == ((), {("missing", "worker", "function")})


@pytest.mark.parametrize(
    ("store", "consumers"),
    [
        (queue(settings={"FifoQueue": "true"}), None),
        (table("work", "N"), None),
        (queue(), {WORK: ("worker", "other")}),
        (queue(), {WORK: ("other",)}),
    ],
)
def test_stores_that_cannot_be_declared_take_their_grants_and_triggers_with_them(store: Any, consumers: Any) -> None:
    action = "dynamodb:PutItem" if isinstance(store, OldTable) else "sqs:SendMessage"
    done = translated(function("worker", role((action, store.arn))), stores=(store,), consumers=consumers)
    kind = "table" if isinstance(store, OldTable) else "queue"
    assert noted(done) == {("missing", "work", kind), ("differs", "worker", "grant")}
    assert (done.catalog.tables, done.catalog.queues) == ((), ())
    # The old one stays, and the function may go on using it.
    place = "dynamodb:{region}:{account}:table/work" if kind == "table" else "sqs:{region}:{account}:work"
    granted = ActionGrant(actions=(action,), resources=(f"arn:{{partition}}:{place}",))
    assert done.catalog.functions[0].grants == (granted,)


def test_other_services_are_granted_by_action_and_arn_and_secrets_by_name() -> None:
    parameter = arn("ssm", "parameter/prod/api-key")
    allowed = role(
        ("s3:GetObject", "arn:aws:s3:::invoices/*"), ("sns:Publish", arn("sns", "news")),
        ("dynamodb:Scan", ORDERS), ("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:999999999999:table/foreign"),
        ("lambda:InvokeFunction", arn("lambda", "function:mail")), ("ssm:GetParameter", parameter),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:db-??????")),
    )  # fmt: skip
    worker = function("worker", allowed, environment={"MAILER": "mail", "KEY_NAME": "/prod/api-key"})
    done = translated(worker, function("mail"), stores=(table(),))
    assert {(one.name, one.parameter, one.secret) for one in done.catalog.secrets} == {
        ("api-key", "/prod/api-key", ""), ("db", "", "db"),
    }  # fmt: skip
    assert set(done.catalog.functions[0].grants) == {
        SecretGrant(secret="api-key"), SecretGrant(secret="db"),
        *(
            ActionGrant(actions=(action,), resources=(resource,))
            for action, resource in (
                ("s3:GetObject", "arn:{partition}:s3:::invoices/*"),
                ("sns:Publish", "arn:{partition}:sns:{region}:{account}:news"),
                ("dynamodb:Scan", "arn:{partition}:dynamodb:{region}:{account}:table/table-orders-{suffix}"),
                ("dynamodb:GetItem", "arn:{partition}:dynamodb:us-east-1:999999999999:table/foreign"),
                (
                    "lambda:InvokeFunction",
                    "arn:{partition}:lambda:{region}:{account}:function:lambda-mail-{suffix}:live",
                ),
            )
        ),
    }  # fmt: skip
    assert done.catalog.functions[0].environment == {"MAILER": PerEnvironment(), "KEY_NAME": "/prod/api-key"}
    assert noted(done) == {("differs", "worker", "environment")}


@pytest.mark.parametrize(
    ("kind", "principal", "note"),
    [
        ("AWS_IAM", {"AWS": "arn:aws:iam::111122223333:role/web"}, "differs"),
        ("AWS_IAM", {"AWS": "arn:aws:iam::999999999999:role/web"}, "missing"),
        ("NONE", "*", "missing"),
    ],
)
def test_an_address_is_declared_for_roles_of_the_account_alone(kind: str, principal: Any, note: str) -> None:
    caller = {"Principal": principal, "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": kind}}}
    address = {"FunctionUrl": "https://x.lambda-url.eu-west-1.on.aws/", "AuthType": kind}
    done = translated(function("worker", urls=(address,), callers=(caller,)))
    declared = FunctionUrl(invokers=("arn:{partition}:iam::{account}:role/web",)) if note == "differs" else None
    assert (done.catalog.functions[0].url, noted(done)) == (declared, {(note, "worker", "url")})


def test_a_statement_with_a_condition_is_not_widened_to_one_without() -> None:
    only = {"Condition": {"StringEquals": {"aws:SourceVpc": "v"}}}
    done = translated(function("worker", role(("s3:GetObject", "arn:aws:s3:::b/*"), **only)))
    assert (done.catalog.functions[0].grants, noted(done)) == ((), {("missing", "worker", "grant")})


def test_wildcards_are_narrowed_to_what_the_code_calls() -> None:
    allowed, environment = role(("dynamodb:*", "*")), {"T": "prod-orders"}
    unknown = translated(function("worker", allowed, environment=environment), stores=(table(),))
    assert unknown.catalog.functions[0].grants == ()
    assert ("missing", "worker", "grant") in noted(unknown)
    code = analyzed({"app.py": b"def handle(table):\n    table.put_item(Item={})\n    table.query()\n"})
    narrowed = translated(function("worker", allowed, environment=environment, code=code), stores=(table(),))
    assert narrowed.catalog.functions[0].grants == (model.TableGrant(table="orders", access=("query", "put")),)


def test_a_shared_role_grants_only_what_the_environment_names() -> None:
    allowed, others = role(("dynamodb:GetItem", [ORDERS, arn("dynamodb", "table/users")])), ("worker", "other")
    stores = (table(), table("users"))
    done = translated(function("worker", allowed, shared_role=others, environment={"T": "users"}), stores=stores)
    assert done.catalog.functions[0].grants == (model.TableGrant(table="users", access=("get",)),)


def test_denied_actions_are_not_granted() -> None:
    deny = {"Effect": "Deny", "Action": "dynamodb:Delete*", "Resource": "*"}
    allowed = role((["dynamodb:GetItem", "dynamodb:DeleteItem"], ORDERS))
    denied = Role(name="r", arn="r", statements=(*allowed.statements, ("p", deny)))
    done = translated(function("worker", denied), stores=(table(),))
    assert done.catalog.functions[0].grants == (model.TableGrant(table="orders", access=("get",)),)


@pytest.mark.parametrize(
    ("stays", "indexes", "expected"),
    [(False, [{"IndexName": "by-day"}], "missing"), (True, [{"IndexName": "by-day"}], "granted"), (False, [], "none")],
)
def test_what_a_role_may_do_with_an_index_is_noted_or_granted_where_the_table_stays(
    stays: bool, indexes: list[dict[str, str]], expected: str
) -> None:
    crud = role(
        (["dynamodb:GetItem", "dynamodb:Query"], ORDERS), (["dynamodb:GetItem", "dynamodb:Query"], f"{ORDERS}/index/*")
    )
    store = table(kind="N" if stays else "S", GlobalSecondaryIndexes=indexes)
    done = translated(function("worker", crud), stores=(store,))
    granted = [(one.actions, one.resources) for one in done.catalog.functions[0].grants if isinstance(one, ActionGrant)]
    of_index = [pair for pair in granted if any("/index/" in one for one in pair[1])]
    template = "arn:{partition}:dynamodb:{region}:{account}:table/prod-orders/index/*"
    assert of_index == ([(("dynamodb:Query",), (template,))] if expected == "granted" else [])
    missing = [note.found for note in done.notes if (note.kind, note.setting) == ("missing", "grant")]
    assert missing == ([f"dynamodb:Query on {ORDERS}/index/*"] if expected == "missing" else [])


def test_a_function_that_would_trigger_itself_loses_that_grant() -> None:
    loop = function("loop", role(("sqs:SendMessage", WORK)), mappings=(mapping(WORK),), peak=4)
    done = translated(loop, stores=(queue(),))
    (made,) = done.catalog.functions
    assert made.grants == ()
    assert made.trigger == model.QueueTrigger(queue="work", maximum_concurrency=8)
    assert noted(done) == {("missing", "loop", "grant"), ("differs", "loop", "concurrency")}


def test_what_a_stream_and_a_fixed_table_do_otherwise_is_noted() -> None:
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    fixed = tuple(Findings(direction=way, units=50, needed=Decimal(3)) for way in ("read", "write"))
    source = mapping(f"{ORDERS}/stream/2026", MaximumRetryAttempts=-1, BatchSize=100)
    store = table(capacities=fixed, StreamSpecification=stream, GlobalSecondaryIndexes=[{"IndexName": "by-day"}])
    done = translated(function("worker", mappings=(source,)), stores=(store,))
    (made,), (declared,) = done.catalog.tables, done.catalog.functions
    assert (made.stream, made.read, made.write) == (True, *2 * [model.Capacity(minimum=3, maximum=50)])
    assert declared.trigger == model.StreamTrigger(table="orders")
    assert noted(done) == {
        ("differs", "prod-orders", "read capacity"), ("differs", "prod-orders", "write capacity"),
        ("differs", "prod-orders", "stream"), ("missing", "prod-orders", "secondary indexes"),
        ("differs", "worker", "filter"), ("differs", "worker", "retries"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "noted_ages"), [(None, set[str]()), (-1, set[str]()), (86_400, set[str]()), (3600, {"3,600 s"})]
)
def test_records_that_a_stream_gave_up_for_their_age_are_noted(seconds: int | None, noted_ages: set[str]) -> None:
    source = mapping(f"{ORDERS}/stream/2026", MaximumRetryAttempts=3, MaximumRecordAgeInSeconds=seconds)
    stores = (table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}),)
    done = translated(function("worker", mappings=(source,)), stores=stores)
    assert {note.found for note in done.notes if note.setting == "record age"} == noted_ages


@pytest.mark.parametrize(
    ("values", "to_change"),
    [
        ({"TABLE_ORDERS": "prod-orders", "QUEUE_WORK": queue().url}, set[str]()),
        ({"TABLE_ORDERS": ORDERS, "QUEUE_WORK": "work"}, {f"TABLE_ORDERS={ORDERS}", "QUEUE_WORK=work"}),
    ],
)
def test_a_variable_that_is_set_as_before_is_no_change_of_the_code(values: dict[str, str], to_change: set[str]) -> None:
    without_tls = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": WORK}
    stores = (table(), queue(settings={"Policy": json.dumps({"Statement": without_tls})}))
    statements = role((["dynamodb:GetItem"], ORDERS), (["sqs:SendMessage"], WORK))
    done = translated(
        function("worker", mappings=(mapping(WORK, ScalingConfig={"MaximumConcurrency": 7}),)),
        function("asker", statements, environment=values),
        stores=stores,
    )  # fmt: skip
    assert {note.found for note in done.notes} == to_change
    assert [one.environment for one in done.catalog.functions] == [{}, {}]


def test_a_queue_out_of_the_catalogs_bounds_is_held_within_them_and_noted() -> None:
    store = queue(
        retention_seconds=14 * 86_400, max_receives=None, visibility_seconds=30, settings={"DelaySeconds": "9"}
    )
    done = translated(function("worker", mappings=(mapping(WORK),)), stores=(store,))
    assert done.catalog.queues == (model.Queue(name="work", max_receive_count=10, retention_days=7),)
    of_queue = {setting for _, resource, setting in noted(done) if resource == "work"}
    assert of_queue == {"retention", "redrive", "visibility", "delay"}


def test_a_package_is_its_own_files_and_what_it_needs_is_noted() -> None:
    files = {
        "app.py": b"import helpers\nimport yaml\n", "helpers.py": b"", "yaml/__init__.py": b"", "../../etc/x.py": b"",
        "pyyaml-6.dist-info/RECORD": b"yaml/__init__.py,,\n", "/absolute.py": b"",
        "pyyaml-6.dist-info/METADATA": b"Name: PyYAML\nVersion: 6.0\n\nText: x",
    }  # fmt: skip
    code = analyzed(files)
    assert code is not None
    assert (set(code.files), code.requirements) == ({"app.py", "helpers.py"}, ("PyYAML==6.0",))
    assert noted(translated(function("worker", code=code))) == {
        ("code", "worker", "imports"), ("code", "worker", "packages"),
    }  # fmt: skip


@pytest.mark.parametrize(("used", "memory", "kind"), [(300, 1024, "differs"), (2000, 1024, "missing")])
def test_sizes_follow_the_evidence_within_the_estates_bounds(used: int, memory: int, kind: str, tmp_path: Path) -> None:
    worker = function("worker", usage=gathered(*[text_line(used, size=3008)] * 60))
    window = Window(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 2, tzinfo=UTC))
    source = Source(account=ACCOUNT, region="eu-west-1", functions=(worker,))
    content, notes = sizing(translate(source, {}), source, window, prices.read())
    (tmp_path / "sizing.json").write_text(json.dumps(content))
    assert memory_by_function(["worker"], tmp_path / "sizing.json") == {"worker": memory}
    assert content["functions"]["worker"]["evidence"]["samples"] == 60
    assert [(note.kind, note.setting) for note in notes] == [(kind, "memory")]


def test_the_result_keeps_its_schema_and_names_what_takes_failures() -> None:
    worker = function("worker", mappings=(mapping(WORK),), Runtime="python3.9", failures_to=(arn("sqs", "failed"),))
    source = Source(
        account=ACCOUNT, region="eu-west-1", functions=(worker,), consumers={WORK: ("worker",)},
        queues={WORK: queue(dead_letters_to=arn("sqs", "dead"))},
    )  # fmt: skip
    done = translate(source, {})
    window = Window(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 2, tzinfo=UTC))
    result: dict[str, Any] = run.result(source, done, done.notes, window) | {"folder": "out", "files": ["catalog.py"]}
    assert breaches("adopt", result) == []
    assert {(one["old"], one["physical"]) for one in result["names"]} == {
        ("worker", "lambda-worker-ENV"), ("work", "queue-work-ENV"), ("failed", "dlq-worker-ENV"),
        ("dead", "dlq-work-ENV"),
    }  # fmt: skip


def _catalog() -> model.Catalog:
    text = 'a "quoted" text with \\ and\nlines, é and 🎈'
    one = model.Function(
        name="one",
        handler="one.app.handle",
        description=text,
        timeout_seconds=3,
        environment={"A": text, "B": "x" * 99},
    )
    return model.Catalog(tables=(), queues=(), functions=(one,))


def test_the_written_catalog_is_the_same_when_it_is_read() -> None:
    module: dict[str, Any] = {}
    exec(review.catalog(_catalog(), "Title."), module)
    assert module["CATALOG"] == _catalog()


def test_a_load_is_written_in_plain_decimals(tmp_path: Path) -> None:
    load = {
        "functions": {"one": {"invocations": Decimal("1E+6"), "billed_ms": Decimal(1) / 3}},
        "logs": {"ingested_gb": Decimal(0)},
    }
    (tmp_path / "load.yaml").write_text(review.load(load, "Load."))
    (one,) = statement.read(tmp_path / "load.yaml").functions
    assert (one.invocations, one.billed_ms) == (Decimal(1_000_000), Decimal("0.333333"))


def _files(**more: str) -> dict[str, str | bytes]:
    entry = {"memory_mb": 512, "evidence": dict.fromkeys(
        ("source", "window", "samples", "average_mb", "p99_mb", "max_mb", "ooms", "time")
    )}  # fmt: skip
    sizes = text_of({"functions": {"one": entry}})
    files = {"catalog.py": review.catalog(_catalog(), "T."), "sizing.json": sizes, "load.yaml": "functions: {}\n"}
    return {**files, **more}


def test_the_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    require_empty(out)
    with pytest.raises(Failed, match="nothing was written"):
        review.write(out, _files(**{"sizing.json": '{"functions": {}}'}))
    assert not list((tmp_path / "deep").iterdir())
    assert review.write(out, _files()) == ["catalog.py", "load.yaml", "sizing.json"]
    with pytest.raises(UsageError, match="not empty"):
        require_empty(out)


def test_notes_are_a_table_for_each_kind_with_nothing_that_breaks_it() -> None:
    page = review.not_expressed([Note.code("f", "s", "a|b\nc", "r", "i")], "Title")
    assert r"| f | s | a\|b c | r | i |" in page
    assert page.count("Nothing.") == 2


@pytest.fixture
def timed_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """An account with schedules and rules for `worker`, and others."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with mock_aws():
        reader = Reader(boto3.Session(), "eu-west-1")
        scheduler, events = (boto3.client(name, region_name="eu-west-1") for name in ("scheduler", "events"))
        for name in ("worker:live", "other"):
            scheduler.create_schedule(
                Name=f"of-{name[:5]}", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"},
                Target={"Arn": arn("lambda", f"function:{name}"), "RoleArn": "arn:aws:iam::1:role/r", "Input": "{}"},
            )  # fmt: skip
        events.put_rule(Name="nightly", ScheduleExpression="cron(0 2 * * ? *)")
        events.put_rule(Name="pattern", EventPattern='{"source": ["x"]}')
        for rule in ("nightly", "pattern"):
            target = {"Id": "1", "Arn": arn("lambda", "function:worker"), "Input": '{"all": true}'}
            events.put_targets(Rule=rule, Targets=[{"Id": "0", "Arn": arn("lambda", "function:other")}, target])
        yield Collector(reader, lambda _: None)


def test_schedules_and_rules_of_a_function_are_read(timed_account: Collector) -> None:
    pattern = {"Condition": {"StringEquals": {"aws:SourceArn": [arn("events", "rule/pattern"), arn("s3", "rule/a/b")]}}}
    found = schedules.read(timed_account, {"worker": (BY_RULE, pattern)})
    assert [(one.settings["ScheduleExpression"], one.target["Input"]) for one in found["worker"]] == [
        ("rate(1 hour)", "{}"), ("cron(0 2 * * ? *)", '{"all": true}'),
    ]  # fmt: skip
