"""The topics of alarms and of the budget: publishers and subscribers."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from foundation.naming import Names
from foundation.problems import InvalidConfiguration
from observability.config import Subscription, parse
from observability.topic import AlertsTopic, AlertsTopicArgs, build_topics, topic_policy
from tests.support.cloudwatch.simulation import registered
from tests.support.mocks import Recording, record

NAMES = Names("dev")
TOPIC = "arn:aws-x:sns:eu-west-1:123456789012:topic-alerts-dev"
KEY = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd"
EMAIL = Subscription(protocol="email", endpoint="a@example.org")
QUEUE = Subscription(protocol="sqs", endpoint="arn:aws:sqs:us-east-1:123456789012:on-call")


def built(subscriptions: Sequence[Subscription] = (), key_arn: str | None = None) -> Recording:
    def program() -> None:
        args = AlertsTopicArgs(
            names=NAMES, subscriptions=subscriptions, key_arn=key_arn,
            tags={"Component": "alerts"},
        )  # fmt: skip
        AlertsTopic("alerts", args)

    return record(program)


def test_only_alarms_of_this_environment_and_account_may_publish():
    (statement,) = [item for item in topic_policy(TOPIC, NAMES)["Statement"] if item["Effect"] == "Allow"]
    assert statement["Effect"] == "Allow"
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert statement["Resource"] == TOPIC
    assert statement["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:aws-x:cloudwatch:eu-west-1:123456789012:alarm:alarm-*-dev"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }


def test_publishing_needs_tls():
    (refusal,) = [item for item in topic_policy(TOPIC, NAMES)["Statement"] if item["Effect"] == "Deny"]
    assert (refusal["Principal"], refusal["Action"], refusal["Resource"]) == ("*", "sns:Publish", TOPIC)
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_policy_is_set_on_the_topic_it_names():
    recording = built()
    topic = recording.one("sns/topic:Topic", name="topic-alerts-dev")
    policy = recording.one("sns/topicPolicy:TopicPolicy")
    assert policy.inputs["arn"] == topic.outputs["arn"]
    assert json.loads(policy.inputs["policy"]) == topic_policy(topic.outputs["arn"], NAMES)


def test_the_topic_is_tagged_and_not_encrypted_with_a_key_that_alarms_cannot_use():
    topic = built().one("sns/topic:Topic")
    assert topic.tags == {"Component": "alerts"}
    assert "kmsMasterKeyId" not in topic.inputs


def test_a_customers_key_encrypts_the_topic():
    assert built(key_arn=KEY).one("sns/topic:Topic").inputs["kmsMasterKeyId"] == KEY


def test_both_topics_get_the_key_of_the_configuration():
    config = parse({"topicKeyArn": KEY}, stack="dev")
    recording = record(lambda: build_topics(config, NAMES, {}))
    assert [topic.inputs["kmsMasterKeyId"] for topic in recording.of("sns/topic:Topic")] == [KEY, KEY]


def test_no_one_is_subscribed_by_default():
    assert built().of("sns/topicSubscription:TopicSubscription") == []


def test_every_subscription_is_made_on_the_topic():
    recording = built([EMAIL, QUEUE])
    topic = recording.one("sns/topic:Topic").outputs["arn"]
    made = recording.of("sns/topicSubscription:TopicSubscription")
    assert {(item.inputs["topic"], item.inputs["protocol"], item.inputs["endpoint"]) for item in made} == {
        (topic, subscription.protocol, subscription.endpoint) for subscription in (EMAIL, QUEUE)
    }


def test_a_subscription_keeps_its_logical_name_when_others_come_and_go():
    def logical_name(recording: Recording) -> str:
        return recording.one("sns/topicSubscription:TopicSubscription", protocol="sqs").name

    assert logical_name(built([EMAIL, QUEUE])) == logical_name(built([QUEUE, EMAIL])) == logical_name(built([QUEUE]))


BUDGET, POLICY = "budgets/budget:Budget", "sns/topicPolicy:TopicPolicy"


@pytest.fixture(scope="module")
def layer() -> Recording:
    return registered("standard", monthlyBudget="25")


def publishers(layer: Recording, topic: str) -> dict[str, dict[str, Any]]:
    """The condition under which each service may publish to a topic."""
    policy = next(item for item in layer.of(POLICY) if item.inputs["arn"].endswith(f":topic-{topic}-dev"))
    allowed = [each for each in json.loads(policy.inputs["policy"])["Statement"] if each["Effect"] == "Allow"]
    return {each["Principal"]["Service"]: each["Condition"] for each in allowed}


def test_a_budget_counts_what_carries_the_tag_of_the_environment(layer: Recording):
    budget = layer.one(BUDGET).inputs
    assert (budget["name"], budget["budgetType"], budget["timeUnit"]) == ("budget-estate-dev", "COST", "MONTHLY")
    assert (budget["limitAmount"], budget["limitUnit"]) == ("25", "USD")
    assert budget["costFilters"] == [{"name": "TagKeyValue", "values": ["user:Environment$dev"]}]


def test_it_is_a_ticket_when_the_money_is_spent_and_when_it_will_be(layer: Recording):
    notifications = layer.one(BUDGET).inputs["notifications"]
    assert {(each["notificationType"], each["threshold"], each["thresholdType"]) for each in notifications} == {
        ("ACTUAL", 100, "PERCENTAGE"), ("FORECASTED", 100, "PERCENTAGE"),
    }  # fmt: skip
    (ticket,) = {arn for each in notifications for arn in each["subscriberSnsTopicArns"]}
    assert ticket.endswith(":topic-ticket-dev")


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
