"""Translation of functions and what they use into a catalog: declarations, and notes on the rest."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.adopt.package import analyzed
from estate_tool.audit.model import Capacity, Table
from foundation import model
from foundation.grants import ActionGrant
from foundation.secrets import SecretGrant
from foundation.values import PerEnvironment
from tests.support.accounts import (
    ACCOUNT,
    DAY,
    ORDERS,
    REGION,
    WORK,
    allow,
    arn,
    mapping,
    noted,
    old_function,
    queue,
    role,
    table,
    translated,
)

if TYPE_CHECKING:
    from estate_tool.adopt.translation import Translation

Noted = set[tuple[str, str]]
# A queue's trigger as it is found, without a difference.
LIMITED: dict[str, Any] = {"ScalingConfig": {"MaximumConcurrency": 7}}


def grants(done: Translation) -> set[Any]:
    return set(done.catalog.functions[0].grants)


def granted(action: str, resource: str) -> ActionGrant:
    return ActionGrant(actions=(action,), resources=(f"arn:{{partition}}:{resource}",))


def test_a_queue_its_consumer_and_a_table_become_declarations() -> None:
    worker = old_function(
        "worker", allow(["dynamodb:PutItem", "dynamodb:GetItem"], ORDERS), mappings=(mapping(WORK, **LIMITED),),
        environment={"ORDERS_TABLE": "prod-orders", "LEVEL": "info"}, reserved=20,
    )  # fmt: skip
    done = translated(worker, stores=(table(), queue()))
    assert done.catalog.functions == (
        model.Function(
            name="worker", handler="worker.app.handle", description="Adopted from worker.", timeout_seconds=10,
            trigger=model.QueueTrigger(queue="work", maximum_concurrency=7), reserved_concurrency=20,
            grants=(model.TableGrant(table="orders", access=("get", "put")),), environment={"LEVEL": "info"},
        ),
    )  # fmt: skip
    assert done.catalog.queues == (model.Queue(name="work", max_receive_count=5, retention_days=4),)
    assert noted(done) == {("code", "environment")}
    assert noted(done, "work") == {("differs", "visibility")}


@pytest.mark.parametrize(
    ("more", "kind", "setting"),
    [
        ({"Layers": [{"Arn": "l"}]}, "missing", "layers"),
        ({"VpcConfig": {"SubnetIds": ["s"]}}, "missing", "VPC"),
        ({"EphemeralStorage": {"Size": 2048}}, "missing", "storage"),
        ({"TracingConfig": {"Mode": "Active"}}, "missing", "tracing"),
        ({"succeeds_to": ("t",)}, "missing", "on success"),
        ({"failures_to": (arn("sns", "t"),)}, "differs", "on failure"),
        ({"reserved": 0}, "differs", "reserved concurrency"),
        ({"architecture": "x86_64"}, "differs", "architecture"),
        ({"Runtime": "python3.9"}, "differs", "runtime"),
        ({"provisioned": {"live": 3}}, "differs", "provisioned concurrency"),
        ({"Handler": "index.myHandler"}, "code", "handler"),
        ({"environment": {"DB_PASSWORD": "x"}}, "missing", "environment"),
        ({"environment": {"URL": "postgres://u:p@host/x"}}, "missing", "environment"),
        ({"environment": {"camelCase": "x"}}, "missing", "environment"),
        ({"Environment": {"Error": {"Message": "denied"}}}, "missing", "environment"),
        ({"policy": ({"Principal": {"Service": "s3.amazonaws.com"}},)}, "missing", "caller"),
        ({"mappings": (mapping(arn("kinesis", "stream/s")),)}, "missing", "trigger"),
        ({"mappings": (mapping(""),)}, "missing", "trigger"),
        ({"permissions": None}, "missing", "role"),
        ({"permissions": role(allow("s3:GetObject", "*"))}, "missing", "grant"),
        ({"permissions": role(allow(["s3:*", "iam:Pass*"], "arn:aws:s3:::b/*"))}, "missing", "grant"),
        ({"permissions": role(allow("s3:GetObject", "arn:aws:s3:::b", Condition={"x": {}}))}, "missing", "grant"),
        (
            {"permissions": role(allow("s3:GetObject", "arn:aws:s3:::b/*")), "shared_role": ("worker", "o")},
            "missing", "grant",
        ),
        ({"permissions": role(allow("dynamodb:GetItem", "*"))}, "missing", "grant"),
    ],
)  # fmt: skip
def test_each_setting_that_differs_is_noted_and_the_function_declared(more: Any, kind: str, setting: str) -> None:
    done = translated(old_function(**more))
    assert noted(done) == {(kind, setting)}
    assert [(one.environment, one.grants) for one in done.catalog.functions] == [({}, ())]


@pytest.mark.parametrize(
    ("reserved", "most", "kept", "notes"),
    [
        (3, 3, 3, set()), (1, 2, 2, {("differs", "reserved concurrency")}), (2000, 7, 1000, set()),
        (0, 7, None, {("differs", "reserved concurrency")}),
    ],
)  # fmt: skip
def test_a_queue_starts_no_more_calls_than_are_reserved(
    reserved: int, most: int, kept: int | None, notes: Noted
) -> None:
    done = translated(old_function(mappings=(mapping(WORK, **LIMITED),), reserved=reserved), stores=(queue(),))
    (made,) = done.catalog.functions
    assert (made.trigger, made.reserved_concurrency) == (
        model.QueueTrigger(queue="work", maximum_concurrency=most),
        kept,
    )
    assert noted(done) == notes


@pytest.mark.parametrize("more", [{"PackageType": "Image", "Runtime": None}, {"Runtime": "nodejs22.x"}])
def test_other_runtimes_and_images_are_not_declared(more: Any) -> None:
    done = translated(old_function(**more))
    assert (done.catalog.functions, noted(done)) == ((), {("missing", "function")})


@pytest.mark.parametrize(
    ("store", "consumers"),
    [
        (queue(FifoQueue="true"), None),
        (table("work", "N"), None),
        (queue(), {WORK: ("worker", "other")}),
        (queue(), {WORK: ("other",)}),
        (queue(), {}),
    ],
)
def test_stores_that_cannot_be_declared_stay_and_the_function_may_go_on_using_them(store: Any, consumers: Any) -> None:
    kind = "table" if isinstance(store, Table) else "queue"
    action = "dynamodb:PutItem" if kind == "table" else "sqs:SendMessage"
    done = translated(old_function("worker", allow(action, store.arn)), stores=(store,), consumers=consumers)
    assert (noted(done, "work"), noted(done)) == ({("missing", kind)}, {("differs", "grant")})
    assert (done.catalog.tables, done.catalog.queues) == ((), ())
    assert grants(done) == {
        granted(action, store.arn.partition("aws:")[2].replace(REGION, "{region}").replace(ACCOUNT, "{account}"))
    }


def test_other_services_are_granted_by_action_and_arn_and_secrets_by_name() -> None:
    parameter = arn("ssm", "parameter/prod/api-key")
    worker = old_function(
        "worker", allow("s3:GetObject", "arn:aws:s3:::invoices/*"), allow("sns:Publish", arn("sns", "news")),
        allow("dynamodb:Scan", ORDERS), allow("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:999999999999:table/far"),
        allow("lambda:InvokeFunction", arn("lambda", "function:mail")), allow("ssm:GetParameter", parameter),
        allow("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:db-??????")),
        environment={"MAILER": "mail", "KEY_NAME": "/prod/api-key"},
    )  # fmt: skip
    done = translated(worker, old_function("mail"), stores=(table(),))
    assert {(one.name, one.parameter, one.secret) for one in done.catalog.secrets} == {
        ("api-key", "/prod/api-key", ""), ("db", "", "db"),
    }  # fmt: skip
    assert grants(done) == {
        SecretGrant(secret="api-key"), SecretGrant(secret="db"), granted("s3:GetObject", "s3:::invoices/*"),
        granted("sns:Publish", "sns:{region}:{account}:news"),
        granted("dynamodb:Scan", "dynamodb:{region}:{account}:table/table-orders-{suffix}"),
        granted("dynamodb:GetItem", "dynamodb:us-east-1:999999999999:table/far"),
        granted("lambda:InvokeFunction", "lambda:{region}:{account}:function:lambda-mail-{suffix}:live"),
    }  # fmt: skip
    assert done.catalog.functions[0].environment == {"MAILER": PerEnvironment(), "KEY_NAME": "/prod/api-key"}
    assert noted(done) == {("differs", "environment")}


def access(*words: str) -> set[model.TableGrant]:
    return {model.TableGrant(table="orders", access=words)} if words else set()


CODE = analyzed({"app.py": b"def handle(table):\n    table.put_item(Item={})\n    table.query()\n"})
NAMED: dict[str, Any] = {"environment": {"T": "prod-orders"}}
ONLY = {"Condition": {"StringEquals": {"aws:SourceVpc": "v"}}}


@pytest.mark.parametrize(
    ("statements", "more", "expected", "notes"),
    [
        ([allow("dynamodb:*", "*")], NAMED, access(), {("missing", "grant")}),
        ([allow("dynamodb:*", "*")], NAMED | {"code": CODE}, access("query", "put"), {("differs", "grant")}),
        ([allow("dynamodb:Get*", "*")], NAMED | {"code": CODE}, access(), {("missing", "grant")}),
        # A shared role grants only what the environment names.
        ([allow("dynamodb:GetItem", ORDERS)], {"shared_role": ("worker", "other")}, access(), {("missing", "grant")}),
        ([allow("dynamodb:GetItem", ORDERS)], NAMED | {"shared_role": ("worker", "other")}, access("get"), set()),
        ([allow("dynamodb:GetItem", ORDERS, **ONLY)], {}, access("get"), {("differs", "grant")}),
        (
            [
                allow(["dynamodb:GetItem", "dynamodb:DeleteItem"], ORDERS),
                {"Effect": "Deny", "Action": "dynamodb:Delete*", "Resource": "*"},
            ],
            {}, access("get"), set(),
        ),
        ([allow("s3:X", "arn:aws:s3:::b/*"), {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}], {}, set(), set()),
    ],
)  # fmt: skip
def test_grants_are_narrowed_to_what_the_function_is_known_to_use(
    statements: Any, more: Any, expected: Any, notes: Noted
) -> None:
    done = translated(old_function("worker", *statements, **more), stores=(table(),))
    assert (grants(done), noted(done) - {("code", "environment")}) == (expected, notes)


def test_notes_on_wildcards_come_in_the_same_order_in_every_process() -> None:
    actions = [f"dynamodb:{verb}*" for verb in ("Put", "Get", "Delete", "Query")]
    done = translated(old_function("worker", allow(actions, ORDERS)), stores=(table(),))
    found = [note.found for note in done.notes if note.setting == "grant"]
    assert found == [f"dynamodb:{verb}* on table/prod-orders" for verb in ("Delete", "Get", "Put", "Query")]


@pytest.mark.parametrize(
    ("stays", "indexes", "expected"),
    [(False, [{"IndexName": "by-day"}], "missing"), (True, [{"IndexName": "by-day"}], "granted"), (False, [], "none")],
)
def test_what_a_role_may_do_with_an_index_is_noted_or_granted_where_the_table_stays(
    stays: bool, indexes: list[dict[str, str]], expected: str
) -> None:
    crud = [allow(["dynamodb:GetItem", "dynamodb:Query"], on) for on in (ORDERS, f"{ORDERS}/index/*")]
    store = table(key_type="N" if stays else "S", GlobalSecondaryIndexes=indexes)
    done = translated(old_function("worker", *crud), stores=(store,))
    of_index = {one for one in grants(done) if isinstance(one, ActionGrant) and "/index/" in one.resources[0]}
    by_name = granted("dynamodb:Query", "dynamodb:{region}:{account}:table/prod-orders/index/*")
    assert of_index == ({by_name} if expected == "granted" else set())
    missing = [note.found for note in done.notes if (note.kind, note.setting) == ("missing", "grant")]
    assert missing == ([f"dynamodb:Query on {ORDERS}/index/*"] if expected == "missing" else [])


def test_a_function_that_would_trigger_itself_loses_that_grant() -> None:
    loop = old_function("loop", allow("sqs:SendMessage", WORK), mappings=(mapping(WORK),), peak=4)
    done = translated(loop, stores=(queue(),))
    (made,) = done.catalog.functions
    assert (made.grants, made.trigger) == ((), model.QueueTrigger(queue="work", maximum_concurrency=8))
    assert noted(done, "loop") == {("missing", "grant"), ("differs", "concurrency")}


def test_what_a_table_does_otherwise_is_noted() -> None:
    fixed = tuple(Capacity(direction=way, units=50, needed=Decimal(3)) for way in ("read", "write"))
    store = table(
        capacities=fixed, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        GlobalSecondaryIndexes=[{"IndexName": "by-day"}],
        TimeToLiveDescription={"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"},
    )  # fmt: skip
    done = translated(old_function("worker", allow("dynamodb:GetItem", ORDERS)), stores=(store,))
    capacity = model.Capacity(minimum=3, maximum=50)
    assert done.catalog.tables == (
        model.Table(name="orders", hash_key="id", stream=True, ttl_attribute="expires", read=capacity, write=capacity),
    )
    assert noted(done, "prod-orders") == {
        ("differs", "read capacity"), ("differs", "write capacity"), ("differs", "stream"),
        ("missing", "secondary indexes"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "to_change"),
    [
        ({"TABLE_ORDERS": "prod-orders", "QUEUE_WORK": queue().url}, set[str]()),
        ({"TABLE_ORDERS": ORDERS, "QUEUE_WORK": "work"}, {f"TABLE_ORDERS={ORDERS}", "QUEUE_WORK=work"}),
    ],
)
def test_a_variable_that_is_set_as_before_is_no_change_of_the_code(values: dict[str, str], to_change: set[str]) -> None:
    without_tls = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": WORK}
    work = queue(visibility_seconds=60, Policy=json.dumps({"Statement": without_tls}))
    asker = old_function(
        "asker", allow("dynamodb:GetItem", ORDERS), allow("sqs:SendMessage", WORK), environment=values
    )  # fmt: skip
    done = translated(old_function(mappings=(mapping(WORK, **LIMITED),)), asker, stores=(table(), work))
    assert {note.found for note in done.notes} == to_change
    assert [one.environment for one in done.catalog.functions] == [{}, {}]


def test_a_queue_out_of_the_catalogs_bounds_is_held_within_them_and_noted() -> None:
    store = queue(
        retention_seconds=14 * DAY, max_receives=None, visibility_seconds=30, DelaySeconds="9",
        Policy=json.dumps({"Statement": allow("sqs:*", "*")}),
    )  # fmt: skip
    done = translated(old_function(mappings=(mapping(WORK),)), stores=(store,))
    assert done.catalog.queues == (model.Queue(name="work", max_receive_count=10, retention_days=7),)
    assert {setting for _, setting in noted(done, "work")} == {"retention", "redrive", "visibility", "delay", "policy"}


def test_a_package_is_its_own_files_and_what_it_needs_is_noted() -> None:
    code = analyzed({
        "app.py": b"import helpers\nimport yaml\n", "helpers.py": b"", "yaml/__init__.py": b"", "../../etc/x.py": b"",
        "pyyaml-6.dist-info/RECORD": b"yaml/__init__.py,,\n", "/absolute.py": b"",
        "pyyaml-6.dist-info/METADATA": b"Name: PyYAML\nVersion: 6.0\n\nText: x",
    })  # fmt: skip
    assert code is not None
    assert (set(code.files), code.requirements) == ({"app.py", "helpers.py"}, ("PyYAML==6.0",))
    assert noted(translated(old_function(code=code))) == {("code", "imports"), ("code", "packages")}
