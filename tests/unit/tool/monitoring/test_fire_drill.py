"""Fire drill in an account whose alarms have no subscriber: it reports that, and removes its queue."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.commands import fire_drill as command
from estate_tool.monitoring import alarms, fire_drill
from tests.unit.tool.conftest import MOTO_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.tool.conftest import Estate


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fire_drill, "_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr(fire_drill, "_WAIT_SECONDS", 0)


def topic(estate: Estate) -> str:
    return str(estate.client("sns").create_topic(Name="topic-alerts-dev")["TopicArn"])


def make_alarm(estate: Estate, name: str, *actions: str, of: str = "dev") -> None:
    estate.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="N", MetricName="M", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=list(actions),
        Tags=[{"Key": "Environment", "Value": of}],
    )  # fmt: skip


def left_over(estate: Estate) -> tuple[list[str], list[Any]]:
    """Queues and subscriptions of the account."""
    queues = estate.client("sqs").list_queues().get("QueueUrls", [])
    return queues, estate.client("sns").list_subscriptions()["Subscriptions"]


def test_alarms_without_a_subscriber_are_named_and_the_queue_is_gone(
    empty_estate: Estate, call: Callable[..., Any]
) -> None:
    make_alarm(empty_estate, "alarm-ingest-errors-dev", topic(empty_estate))
    done = call(command, "dev", "--yes", "--json")
    assert done.code == 1
    assert "no notification arrived of: alarm-ingest-errors-dev" in done.err
    answer = json.loads(done.out)
    assert (answer["tested"], answer["delivered"]) == (1, 0)
    assert answer["alarms"][0]["silent_topics"] == [topic(empty_estate)]
    assert left_over(empty_estate) == ([], [])


def test_what_is_heard_counts_only_with_the_mark_of_this_drill(
    empty_estate: Estate, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = topic(empty_estate)
    make_alarm(empty_estate, "alarm-ingest-errors-dev", arn)
    make_alarm(empty_estate, "alarm-query-errors-dev", arn)
    cloudwatch, sns = empty_estate.client("cloudwatch"), empty_estate.client("sns")
    states: list[tuple[str, str]] = []

    def set_state(AlarmName: str, StateValue: str, StateReason: str) -> None:  # noqa: N803 - boto3's names
        states.append((AlarmName, StateValue))
        mine = StateReason if "ingest" in AlarmName else "a real alarm"
        message = {"AlarmName": AlarmName, "NewStateValue": StateValue, "NewStateReason": mine}
        sns.publish(TopicArn=arn, Message=json.dumps(message))

    monkeypatch.setattr(cloudwatch, "set_alarm_state", set_state)
    done = call(command, "dev", "--yes", "--json")
    delivered = {one["alarm"]: one["delivered"] for one in json.loads(done.out)["alarms"]}
    assert delivered == {"alarm-ingest-errors-dev": True, "alarm-query-errors-dev": False}
    # Each goes back to what it was; the one that was not heard is tried once more.
    first = [state for name, state in states if "ingest" in name]
    assert len(first) == 2
    assert first[0] == "ALARM"
    assert [state for name, state in states if "query" in name].count("ALARM") == 2
    assert left_over(empty_estate) == ([], [])


def test_an_alarm_that_is_on_is_switched_off_first_and_left_on(
    empty_estate: Estate, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_alarm(empty_estate, "alarm-ingest-errors-dev", topic(empty_estate))
    cloudwatch, states = empty_estate.client("cloudwatch"), list[str]()
    cloudwatch.set_alarm_state(AlarmName="alarm-ingest-errors-dev", StateValue="ALARM", StateReason="real")
    monkeypatch.setattr(cloudwatch, "set_alarm_state", lambda **given: states.append(given["StateValue"]))
    call(command, "dev", "--yes")
    assert states == ["OK", "ALARM"] * 2


def test_the_queue_is_gone_even_when_the_drill_fails(
    empty_estate: Estate, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_alarm(empty_estate, "alarm-ingest-errors-dev", topic(empty_estate))

    def interrupted(**_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(empty_estate.client("cloudwatch"), "set_alarm_state", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(command, "dev", "--yes")
    assert left_over(empty_estate) == ([], [])


def test_a_real_account_is_asked_first(empty_estate: Estate, call: Callable[..., Any]) -> None:
    make_alarm(empty_estate, "alarm-ingest-errors-dev", topic(empty_estate))
    refused = call(command, "dev")
    assert refused.code == 2
    assert "nothing was changed" in refused.err
    assert "--yes" in refused.err


def test_the_number_of_notifications_is_said_before_the_first(
    empty_estate: Estate, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, cloudwatch = topic(empty_estate), empty_estate.client("cloudwatch")
    make_alarm(empty_estate, "alarm-ingest-invalid-dev", page)
    make_alarm(empty_estate, "alarm-queue-ingest-age-dev")
    cloudwatch.put_metric_alarm(
        AlarmName="alarm-query-latency-dev", Namespace="N", MetricName="M", Statistic="Sum", Period=60, Threshold=1,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", AlarmActions=[page], OKActions=[page],
        Tags=[{"Key": "Environment", "Value": "dev"}],
    )  # fmt: skip
    assert "3 notifications" in call(command, "dev").err
    done = call(command, "dev", "--yes", "--json")
    assert "3 to topic-alerts-dev" in done.err
    assert json.loads(done.out)["notifications"] == {"topic-alerts-dev": 3}
    set_off = list[str]()
    monkeypatch.setattr(cloudwatch, "set_alarm_state", lambda **given: set_off.append(given["AlarmName"]))
    call(command, "dev", "--yes")
    assert set(set_off) == {"alarm-ingest-invalid-dev", "alarm-query-latency-dev"}, "what has no topic is left alone"


def test_an_environment_without_alarms_is_a_failure(empty_estate: Estate, call: Callable[..., Any]) -> None:
    done = call(command, "dev", "--yes")
    assert done.code == 1
    assert "scripts/deploy_layer.sh observability dev" in done.err


def test_other_environments_alarms_are_left_alone(empty_estate: Estate) -> None:
    make_alarm(empty_estate, "alarm-ingest-errors-dev")
    make_alarm(empty_estate, "alarm-ingest-errors-x-dev", of="x-dev")
    make_alarm(empty_estate, "alarm-ingest-errors-prod", of="prod")
    assert [alarm.name for alarm in alarms.of_environment(empty_estate)] == ["alarm-ingest-errors-dev"]  # type: ignore[arg-type]


def test_what_a_killed_drill_left_is_removed_and_a_drill_that_still_runs_is_not(
    empty_estate: Estate, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    arn, sqs, sns = topic(empty_estate), empty_estate.client("sqs"), empty_estate.client("sns")
    make_alarm(empty_estate, "alarm-ingest-errors-dev", arn)
    for name in ("queue-fire-drill-1-dev", "queue-fire-drill-1-prod"):
        sqs.create_queue(QueueName=name)
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{MOTO_ACCOUNT}:{name}")
    call(command, "dev", "--yes")
    assert len(left_over(empty_estate)[0]) == 2
    monkeypatch.setattr(fire_drill, "_LEFT_BEHIND_SECONDS", 0)
    call(command, "dev", "--yes")
    queues, subscriptions = left_over(empty_estate)
    assert [url.rpartition("/")[2] for url in queues] == ["queue-fire-drill-1-prod"]
    assert [one["Endpoint"].rpartition(":")[2] for one in subscriptions] == ["queue-fire-drill-1-prod"]


def test_a_queue_that_is_listed_although_it_was_just_deleted_stops_no_drill(
    empty_estate: Estate, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_alarm(empty_estate, "alarm-ingest-errors-dev", topic(empty_estate))
    sqs = empty_estate.client("sqs")
    url = sqs.create_queue(QueueName="queue-fire-drill-1-dev")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    monkeypatch.setattr(sqs, "list_queues", lambda **_: {"QueueUrls": [url]})
    assert "no notification arrived of: alarm-ingest-errors-dev" in call(command, "dev", "--yes").err


def test_what_can_not_be_removed_is_named_and_the_rest_is_removed(
    empty_estate: Estate, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "Unsubscribe")

    make_alarm(empty_estate, "alarm-ingest-errors-dev", topic(empty_estate))
    monkeypatch.setattr(empty_estate.client("sns"), "unsubscribe", refuse)
    done = call(command, "dev", "--yes")
    (subscription,) = left_over(empty_estate)[1]
    assert f"the subscription {subscription['SubscriptionArn']} could not be removed, do so by hand" in done.err
    assert left_over(empty_estate)[0] == []


class _WithComposites:
    """CloudWatch with a composite alarm, which moto lacks."""

    def get_paginator(self, _operation: str) -> Any:
        def alarm(name: str, **more: Any) -> dict[str, Any]:
            return {"AlarmName": name, "AlarmArn": f"arn:aws:cloudwatch:::alarm:{name}", "StateValue": "OK", **more}

        rule = 'ALARM("alarm-child-dev") OR (OK(arn:aws:cloudwatch:::alarm:alarm-other-dev) AND FALSE)'
        page = {
            "MetricAlarms": [alarm(f"alarm-{name}-dev") for name in ("child", "other", "orphan")],
            "CompositeAlarms": [alarm("alarm-estate-lost-dev", AlarmRule=rule, AlarmActions=["arn:aws:sns:::t"])],
        }
        return SimpleNamespace(paginate=lambda **_: [page])

    def list_tags_for_resource(self, ResourceARN: str) -> Any:  # noqa: N803 - boto3's name
        return {"Tags": [{"Key": "Environment", "Value": "dev"}]}


def test_an_alarm_that_has_no_topic_needs_a_composite_alarm_that_does(
    empty_estate: Estate, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_estate.clients["cloudwatch"] = _WithComposites()
    monkeypatch.setattr(
        fire_drill, "drill", lambda _environment, found, _show: [fire_drill.AlarmTest(one) for one in found]
    )
    done = call(command, "dev", "--yes", "--json")
    parents = {one["alarm"]: one["told_by"] for one in json.loads(done.out)["without_actions"]}
    by_composite = ["alarm-estate-lost-dev"]
    assert parents == {"alarm-child-dev": by_composite, "alarm-orphan-dev": [], "alarm-other-dev": by_composite}
    assert "no notification arrived of: alarm-estate-lost-dev, alarm-orphan-dev" in done.err
