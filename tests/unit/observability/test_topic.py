"""The topics of alarms and of the budget: publishers and subscribers."""

import json
from typing import Any

import pytest

from foundation.naming import Names
from foundation.problems import InvalidConfiguration
from observability.config import Subscription, parse
from observability.topic import AlertsTopic, AlertsTopicArgs, build_topics
from tests.support.cloudwatch.simulation import registered
from tests.support.mocks import Recording, record

NAMES = Names("dev")
KEY = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd"
EMAIL = Subscription(protocol="email", endpoint="a@example.org")
QUEUE = Subscription(protocol="sqs", endpoint="arn:aws:sqs:us-east-1:123456789012:on-call")


def built(*subscriptions: Subscription) -> Recording:
    def program() -> None:
        AlertsTopic("alerts", AlertsTopicArgs(names=NAMES, subscriptions=subscriptions, tags={}))

    return record(program)


def test_both_topics_get_the_key_of_the_configuration():
    config = parse({"topicKeyArn": KEY}, stack="dev")
    recording = record(lambda: build_topics(config, NAMES, {}))
    assert [topic.inputs["kmsMasterKeyId"] for topic in recording.of("sns/topic:Topic")] == [KEY, KEY]


def test_a_subscription_keeps_its_logical_name_when_others_come_and_go():
    def logical_name(recording: Recording) -> str:
        return recording.one("sns/topicSubscription:TopicSubscription", protocol="sqs").name

    assert logical_name(built(EMAIL, QUEUE)) == logical_name(built(QUEUE, EMAIL)) == logical_name(built(QUEUE))


BUDGET, POLICY = "budgets/budget:Budget", "sns/topicPolicy:TopicPolicy"


@pytest.fixture(scope="module")
def layer() -> Recording:
    return registered("standard", monthlyBudget="25")


def publishers(layer: Recording, topic: str) -> dict[str, dict[str, Any]]:
    """The condition under which each service may publish to a topic."""
    policy = next(item for item in layer.of(POLICY) if item.inputs["arn"].endswith(f":topic-{topic}-dev"))
    allowed = [each for each in json.loads(policy.inputs["policy"])["Statement"] if each["Effect"] == "Allow"]
    return {each["Principal"]["Service"]: each["Condition"] for each in allowed}


def test_the_topic_of_tickets_lets_budgets_of_this_account_in(layer: Recording):
    account = layer.one(BUDGET).inputs["notifications"][0]["subscriberSnsTopicArns"][0].split(":")[4]
    assert publishers(layer, "ticket")["budgets.amazonaws.com"] == {
        "ArnLike": {"aws:SourceArn": f"arn:aws:budgets::{account}:*"},
        "StringEquals": {"aws:SourceAccount": account},
    }
    assert set(publishers(layer, "page")) == {"cloudwatch.amazonaws.com"}


def test_without_a_budget_only_alarms_are_let_in():
    layer = registered()
    assert layer.of(BUDGET) == []
    assert set(publishers(layer, "ticket")) == {"cloudwatch.amazonaws.com"}


@pytest.mark.parametrize("value", ["-1", "2.5", "much"])
def test_a_budget_is_a_number_of_dollars(value: str):
    with pytest.raises(InvalidConfiguration, match="monthlyBudget"):
        parse({"monthlyBudget": value}, stack="dev")
