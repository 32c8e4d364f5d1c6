"""Functions that can trigger themselves, and functions whose settings need each other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from estate_tool.audit.model import Notification
from tests.support.accounts import ORDERS, WORK, allow, arn, checked, function, inventory, mapping, queue, role, table

if TYPE_CHECKING:
    from typing import Any

    from estate_tool.audit.model import Inventory

HERE = arn("lambda", "function:worker")
DENY = {"Effect": "Deny", "Action": "sqs:*"}


def stated(*statements: dict[str, Any], **more: Any) -> Inventory:
    """An inventory of a function with these statements in its role."""
    return inventory(function(), roles=(role(*({"Effect": "Allow", **one} for one in statements)),), **more)


def consumer(*statements: dict[str, Any]) -> Inventory:
    return stated(*statements, queues=(queue(),), mappings=(mapping(WORK),))


def over_bucket(action: str, resource: str) -> Inventory:
    made = Notification(bucket="arn:aws:s3:::files", target=f"{HERE}:live", prefix="in/", suffix=".csv")
    return stated(allow(action, resource), notifications=(made,))


def steps(**more: Any) -> Inventory:
    """Functions that trigger each other over a queue and a topic."""
    topic, second = arn("sns", "news"), function("zweite")
    roles = (role(allow("sns:Publish", topic)), role(allow("sqs:SendMessage", WORK), name="zweite"))
    whole = inventory(function(), second, roles=roles, topics=(topic,), queues=(queue(),), mappings=(mapping(WORK),))
    return replace(whole, **{"subscriptions": ((topic, f"{second.arn}:live"),)} | more)


def of_results(**other: Any) -> Inventory:
    """An inventory of a function whose results go to its own queue, beside another function."""
    results = function(succeeds_to=(WORK,))
    return inventory(results, function("other", **other), queues=(queue(),), mappings=(mapping(WORK),))


def over_stream(action: str) -> Inventory:
    stream = mapping(f"{ORDERS}/stream/2026", retries=2, age_seconds=60, failures_to="x")
    return stated(allow(action, ORDERS), tables=(table(),), mappings=(stream,))


def over_alias(alias: str) -> Inventory:
    other = function("other", succeeds_to=(f"{HERE}:1",))
    return replace(stated(allow("lambda:InvokeFunction", alias)), functions=(function(), other))


def naming(back: str) -> Inventory:
    settings = {"one": "other", "other": back}
    return inventory(*(function(one, environment={"N": arn("lambda", f"function:{n}")}) for one, n in settings.items()))


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        (steps(), True),
        (steps(subscriptions=()), False),
        (steps(mappings=(mapping(WORK, enabled=False),)), False),
        (over_bucket("s3:PutObject", "arn:aws:s3:::files/*"), True),
        (over_bucket("s3:Put*", "arn:aws:s3:::files/in/2026/*"), True),
        (over_bucket("s3:*", "arn:aws:s3:::*"), True),
        (over_bucket("s3:PutObject", "arn:aws:s3:::files/out/*"), False),
        (over_bucket("s3:PutObject", "arn:aws:s3:::files/in/*.json"), False),
        (over_bucket("s3:GetObject", "arn:aws:s3:::files/*"), False),
        (over_bucket("s3:PutObject", "arn:aws:s3:::other/*"), False),
        (consumer({"NotAction": ["iam:*", "lambda:*"], "Resource": "*"}), True),
        (consumer({"NotAction": ["iam:*", "lambda:*"], "Resource": "*"}, {**DENY, "Resource": WORK}), False),
        (consumer({"NotAction": ["s?s:*", "lambda:*"], "Resource": "*"}), False),
        (consumer({"Action": "sqs:Send*", "NotResource": arn("sqs", "other")}), True),
        (consumer({"Action": "sqs:SendMessage", "NotResource": arn("sqs", "wor?")}), False),
        (consumer(allow("SQS:sendmessage", arn("sqs", "w*"))), True),
        (consumer(allow("SQS:sendmessage", arn("sqs", "w*")), {**DENY, "Resource": arn("sqs", "o*")}), True),
        (consumer(allow("sqs:SendMessage", WORK), {**DENY, "Resource": WORK, "Condition": {"Bool": {}}}), True),
        (of_results(), True),
        (of_results(failures_to=(WORK,)), False),
        (replace(consumer(allow("sqs:SendMessage", WORK)), functions=(function(failures_to=(WORK,)),)), False),
        (over_stream("dynamodb:UpdateItem"), True),
        (over_stream("dynamodb:GetItem"), False),
        (over_alias(arn("lambda", "function:other:live")), True),
        (over_alias(arn("lambda", "function:others")), False),
    ],
)
def test_a_cycle_is_found_over_any_number_of_steps_and_reported_once(whole: Inventory, expected: bool) -> None:
    found = sorted(one for one in checked(whole) if one[0] == "cycle")
    assert found == ([("cycle", "worker")] if expected else [])


def test_functions_whose_settings_name_each_other_cannot_be_created_in_one_pass() -> None:
    assert checked(naming("one:live")) == {("creation-cycle", "one")}
    assert checked(naming("third")) == set()
