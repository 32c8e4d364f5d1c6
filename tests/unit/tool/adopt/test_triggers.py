"""Triggers, schedules and URLs of adopted functions."""

from __future__ import annotations

from typing import Any

import pytest

from estate_tool.adopt.model import OldSchedule
from foundation import model
from foundation.schedules import payload
from foundation.urls import FunctionUrl
from tests.support.accounts import ACCOUNT, ORDERS, arn, mapping, noted, old_function, table, translated

RULE = arn("events", "rule/nightly")
BY_RULE = {"Principal": {"Service": "events.amazonaws.com"}, "Condition": {"ArnLike": {"AWS:SourceArn": RULE}}}


def timed(expression: str = "rate(1 day)", target: dict[str, Any] | None = None, **more: Any) -> OldSchedule:
    return OldSchedule(arn=RULE, settings={"ScheduleExpression": expression, **more}, target=target or {})


def test_schedules_become_triggers_and_their_rule_is_no_caller_any_more() -> None:
    retry = {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 900}
    nightly = timed(
        "cron(0 2 * * ? *)", {"Input": '{"all": true}', "RetryPolicy": retry}, State="DISABLED",
        ScheduleExpressionTimezone="Europe/Berlin",
    )  # fmt: skip
    done = translated(old_function(schedules=(nightly, timed()), policy=(BY_RULE,), provisioned={"live": 1}))
    assert done.catalog.functions[0].trigger == model.ScheduleTrigger(
        expression="cron(0 2 * * ? *)", timezone="Europe/Berlin", input={"all": True}, retry_attempts=3,
        maximum_event_age_seconds=900, enabled=False,
    )  # fmt: skip
    assert not done.catalog.functions[0].critical
    # The event has another form; of two schedules, one is declared.
    assert noted(done) == {("code", "schedule"), ("missing", "schedule"), ("differs", "provisioned concurrency")}
    (instead,) = (note.instead for note in done.notes if note.kind == "code")
    assert 'event["input"]' in instead


@pytest.mark.parametrize("given", [{}, {"all": True, "input": {"days": 7}}])
def test_a_schedule_of_an_estate_keeps_its_declaration(given: dict[str, Any]) -> None:
    declared = model.ScheduleTrigger(expression="rate(1 day)", input=given)
    done = translated(old_function(schedules=(timed(target={"Input": payload(declared)}),)))
    assert (done.catalog.functions[0].trigger, noted(done)) == (declared, set())


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (timed("rate(7 fortnights)"), {("missing", "schedule"), ("missing", "caller")}),
        (timed(target={"Input": "[1]"}), {("code", "schedule"), ("missing", "schedule input")}),
        (timed(target={"Input": "text"}), {("code", "schedule"), ("missing", "schedule input")}),
        (timed(target={"InputPath": "$.x"}), {("code", "schedule"), ("missing", "InputPath")}),
        (
            timed(FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 9}),
            {("code", "schedule"), ("differs", "flexible window")},
        ),
        (timed(EndDate="2030"), {("code", "schedule"), ("missing", "EndDate")}),
    ],
)
def test_what_a_schedule_cannot_hold_is_noted(schedule: OldSchedule, expected: set[tuple[str, str]]) -> None:
    caller = {"Principal": "*"} if ("missing", "caller") in expected else BY_RULE
    assert noted(translated(old_function(schedules=(schedule,), policy=(caller,)))) == expected


@pytest.mark.parametrize(
    ("kind", "principal", "note"),
    [
        ("AWS_IAM", {"AWS": f"arn:aws:iam::{ACCOUNT}:role/web"}, "differs"),
        ("AWS_IAM", {"AWS": "arn:aws:iam::999999999999:role/web"}, "missing"),
        ("NONE", "*", "missing"),
    ],
)
def test_an_address_is_declared_for_roles_of_the_account_alone(kind: str, principal: Any, note: str) -> None:
    caller = {"Principal": principal, "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": kind}}}
    address = {"FunctionUrl": "https://x.lambda-url.eu-west-1.on.aws/", "AuthType": kind}
    done = translated(old_function(urls=(address,), policy=(caller,)))
    declared = FunctionUrl(invokers=("arn:{partition}:iam::{account}:role/web",)) if note == "differs" else None
    assert (done.catalog.functions[0].url, noted(done)) == (declared, {(note, "url")})


@pytest.mark.parametrize(
    ("found", "declared", "notes"),
    [
        ({"retries": -1}, {}, {"filter", "retries"}),
        ({}, {}, {"filter", "retries"}),
        ({"retries": 3, "ParallelizationFactor": 2}, {"retries": 3, "parallelization": 2}, {"filter"}),
        ({"retries": 3, "age_seconds": -1}, {"retries": 3}, {"filter"}),
        ({"retries": 3, "age_seconds": 86_400}, {"retries": 3}, {"filter"}),
        ({"retries": 3, "age_seconds": 3600}, {"retries": 3}, {"filter", "record age"}),
        ({"retries": 3, "TumblingWindowInSeconds": 9}, {"retries": 3}, {"filter", "tumbling window"}),
        ({"retries": 3, "FunctionResponseTypes": []}, {"retries": 3}, {"filter", "batch result"}),
        ({"retries": 3, "enabled": False}, {"retries": 3}, {"filter", "trigger"}),
        (
            {"retries": 3, "FilterCriteria": {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]}},
            {"retries": 3}, set[str](),
        ),
    ],
)  # fmt: skip
def test_a_stream_is_declared_with_its_bounds_and_differences_are_noted(
    found: Any, declared: Any, notes: set[str]
) -> None:
    stream = table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    source = mapping(f"{ORDERS}/stream/2026", **{"BatchSize": 100} | found)
    done = translated(old_function(mappings=(source,)), stores=(stream,))
    assert done.catalog.functions[0].trigger == model.StreamTrigger(table="orders", **declared)
    assert noted(done) == {("differs", setting) for setting in notes}
