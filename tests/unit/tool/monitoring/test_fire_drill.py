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

ALARM = "alarm-ingest-errors-dev"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fire_drill, "_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr(fire_drill, "_WAIT_SECONDS", 0)


@pytest.fixture
def topic(empty_estate: Estate) -> str:
    """The topic of an alarm that is there."""
    arn = str(empty_estate.client("sns").create_topic(Name="topic-alerts-dev")["TopicArn"])
    make_alarm(empty_estate, ALARM, arn)
    return arn


@pytest.fixture
def drill(topic: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Run the drill; its outcome, with its report."""

    def drilling(*flags: str) -> Any:
        done = call(command, "dev", *flags, "--json")
        done.report = json.loads(done.out) if done.out else None
        return done

    return drilling


def make_alarm(estate: Estate, name: str, *actions: str, of: str = "dev", **more: Any) -> None:
    estate.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="N", MetricName="M", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=list(actions),
        Tags=[{"Key": "Environment", "Value": of}], **more,
    )  # fmt: skip


def left_over(estate: Estate) -> tuple[list[str], list[str]]:
    """Names of queues and of subscribed queues in the account."""
    queues = estate.client("sqs").list_queues().get("QueueUrls", [])
    subscriptions = estate.client("sns").list_subscriptions()["Subscriptions"]
    return [url.rpartition("/")[2] for url in queues], [one["Endpoint"].rpartition(":")[2] for one in subscriptions]


def test_alarms_without_a_subscriber_are_named_and_the_queue_is_gone(
    empty_estate: Estate, drill: Any, topic: str
) -> None:
    done = drill("--yes")
    assert (done.code, f"no notification arrived of: {ALARM}" in done.err) == (1, True)
    assert (done.report["tested"], done.report["delivered"]) == (1, 0)
    assert done.report["alarms"][0]["silent_topics"] == [topic]
    assert left_over(empty_estate) == ([], [])


def test_a_notification_counts_only_with_the_mark_of_this_drill(
    empty_estate: Estate, drill: Any, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_alarm(empty_estate, "alarm-query-errors-dev", topic)
    states: dict[str, list[str]] = {ALARM: [], "alarm-query-errors-dev": []}

    def set_state(AlarmName: str, StateValue: str, StateReason: str) -> None:  # noqa: N803 - boto3's names
        states[AlarmName].append(StateValue)
        reason = StateReason if AlarmName == ALARM else "a real alarm"
        for message in (
            "no JSON",
            "[]",
            json.dumps({"AlarmName": AlarmName, "NewStateValue": StateValue, "NewStateReason": reason}),
        ):
            empty_estate.client("sns").publish(TopicArn=topic, Message=message)

    monkeypatch.setattr(empty_estate.client("cloudwatch"), "set_alarm_state", set_state)
    delivered = {one["alarm"]: one["delivered"] for one in drill("--yes").report["alarms"]}
    assert delivered == {ALARM: True, "alarm-query-errors-dev": False}
    # Each goes back to what it was; the one that was not heard is tried once more.
    assert (states[ALARM][0], len(states[ALARM])) == ("ALARM", 2)
    assert states["alarm-query-errors-dev"].count("ALARM") == 2
    assert left_over(empty_estate) == ([], [])


def test_an_alarm_that_is_on_is_switched_off_first_and_left_on(
    empty_estate: Estate, drill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloudwatch, states = empty_estate.client("cloudwatch"), list[str]()
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="real")
    monkeypatch.setattr(cloudwatch, "set_alarm_state", lambda **given: states.append(given["StateValue"]))
    drill("--yes")
    assert states == ["OK", "ALARM"] * 2


def test_the_queue_is_gone_even_when_the_drill_fails(
    empty_estate: Estate, drill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(**_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(empty_estate.client("cloudwatch"), "set_alarm_state", interrupted)
    with pytest.raises(KeyboardInterrupt):
        drill("--yes")
    assert left_over(empty_estate) == ([], [])


def test_a_real_account_is_confirmed_first_with_the_number_of_notifications(
    empty_estate: Estate, drill: Any, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_alarm(empty_estate, "alarm-queue-ingest-age-dev")
    make_alarm(empty_estate, "alarm-query-latency-dev", topic, OKActions=[topic])
    refused = drill()
    assert (refused.code, "nothing was changed" in refused.err, "--yes" in refused.err) == (2, True, True)
    assert "3 notifications" in refused.err
    set_off = set[str]()
    monkeypatch.setattr(
        empty_estate.client("cloudwatch"), "set_alarm_state", lambda **given: set_off.add(given["AlarmName"])
    )
    done = drill("--yes")
    assert "3 to topic-alerts-dev" in done.err
    assert done.report["notifications"] == {"topic-alerts-dev": 3}
    assert set_off == {ALARM, "alarm-query-latency-dev"}, "an alarm without a topic is left alone"


def test_an_environment_without_alarms_is_a_failure(empty_estate: Estate, call: Callable[..., Any]) -> None:
    done = call(command, "dev", "--yes")
    assert (done.code, "scripts/deploy_layer.sh observability dev" in done.err) == (1, True)


def test_other_environments_alarms_are_left_alone(empty_estate: Estate, topic: str) -> None:
    make_alarm(empty_estate, "alarm-ingest-errors-x-dev", of="x-dev")
    make_alarm(empty_estate, "alarm-ingest-errors-prod", of="prod")
    assert [alarm.name for alarm in alarms.of_environment(empty_estate)] == [ALARM]  # type: ignore[arg-type]


def test_leftovers_of_a_killed_drill_are_removed_and_a_drill_that_still_runs_is_not(
    empty_estate: Estate, drill: Any, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, other = "queue-fire-drill-1-dev", "queue-fire-drill-1-prod"
    for name in (ours, other):
        empty_estate.client("sqs").create_queue(QueueName=name)
        arn = f"arn:aws:sqs:us-east-1:{MOTO_ACCOUNT}:{name}"
        empty_estate.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    drill("--yes")
    assert sorted(left_over(empty_estate)[0]) == [ours, other]
    monkeypatch.setattr(fire_drill, "_LEFT_BEHIND_SECONDS", 0)
    drill("--yes")
    assert left_over(empty_estate) == ([other], [other])


def test_a_queue_that_is_listed_although_it_was_just_deleted_stops_no_drill(
    empty_estate: Estate, drill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = empty_estate.client("sqs")
    url = sqs.create_queue(QueueName="queue-fire-drill-1-dev")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    monkeypatch.setattr(sqs, "list_queues", lambda **_: {"QueueUrls": [url]})
    assert f"no notification arrived of: {ALARM}" in drill("--yes").err


def test_a_subscription_that_can_not_be_removed_is_named_and_the_rest_is_removed(
    empty_estate: Estate, drill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "Unsubscribe")

    monkeypatch.setattr(empty_estate.client("sns"), "unsubscribe", refuse)
    done = drill("--yes")
    (subscription,) = empty_estate.client("sns").list_subscriptions()["Subscriptions"]
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
    empty_estate: Estate, drill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_estate.clients["cloudwatch"] = _WithComposites()
    monkeypatch.setattr(
        fire_drill, "drill", lambda _environment, found, _show: [fire_drill.AlarmTest(one) for one in found]
    )
    done = drill("--yes")
    parents = {one["alarm"]: one["told_by"] for one in done.report["without_actions"]}
    by_composite = ["alarm-estate-lost-dev"]
    assert parents == {"alarm-child-dev": by_composite, "alarm-orphan-dev": [], "alarm-other-dev": by_composite}
    assert "no notification arrived of: alarm-estate-lost-dev, alarm-orphan-dev" in done.err
