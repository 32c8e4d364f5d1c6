"""The environment's budget: made where it is configured, by its cost tag, and let in by the topic it notifies."""

import json
from typing import Any

import pytest

from foundation.problems import InvalidConfiguration
from observability.config import parse
from tests.support.cloudwatch.simulation import registered
from tests.support.mocks import Recording

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
