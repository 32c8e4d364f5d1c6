"""Reading of functions to adopt: the chosen ones, and their schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from estate_tool.adopt import schedules
from estate_tool.adopt.source import chosen
from estate_tool.audit.collect import Collector
from estate_tool.audit.reader import Reader
from estate_tool.core.errors import UsageError
from tests.support.accounts import REGION, arn, function

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_an_unknown_function_is_refused_with_the_closest_name_and_patterns_name_several() -> None:
    listed = [{"FunctionName": name} for name in ("orders", "orders-2", "mail")]
    found = chosen(["orders*", arn("lambda", "function:orders")], listed)
    assert [one["FunctionName"] for one in found] == ["orders", "orders-2"]
    with pytest.raises(UsageError) as refused:
        chosen(["ordres"], listed)
    assert "'orders'" in refused.value.hint


@pytest.fixture
def timed_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """An account with schedules and rules for `worker`, and others."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with mock_aws():
        scheduler, events = (boto3.client(name, region_name=REGION) for name in ("scheduler", "events"))
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
        yield Collector(Reader(boto3.Session(), REGION), lambda _: None)


def test_schedules_and_rules_of_a_function_are_read(timed_account: Collector) -> None:
    rules = [arn("events", "rule/nightly"), arn("events", "rule/pattern"), arn("s3", "rule/a/b")]
    policy = ({"Condition": {"ArnLike": {"AWS:SourceArn": rules}}},)
    found = schedules.read(timed_account, [function(policy=policy)])
    assert [(one.settings["ScheduleExpression"], one.target["Input"]) for one in found["worker"]] == [
        ("rate(1 hour)", "{}"), ("cron(0 2 * * ? *)", '{"all": true}'),
    ]  # fmt: skip
