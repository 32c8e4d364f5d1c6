"""Monthly budget of an environment, by its cost tag ("Managing your costs with AWS Budgets")."""

from typing import Any

import pulumi
import pulumi_aws as aws

from foundation.naming import Arns, Names

# What has been spent, and what will have been by the month's end.
NOTIFICATIONS = ("ACTUAL", "FORECASTED")
PUBLISHER = "budgets.amazonaws.com"


def publishing(topic_arn: str, arns: Arns) -> dict[str, Any]:
    """Return the statement by which budgets of this account publish ("Creating a topic for budget notifications")."""
    return {
        "Sid": "PublishedByBudgets",
        "Effect": "Allow",
        "Principal": {"Service": PUBLISHER},
        "Action": "sns:Publish",
        "Resource": topic_arn,
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:{arns.partition}:budgets::{arns.account}:*"},
            "StringEquals": {"aws:SourceAccount": arns.account},
        },
    }


class EstateBudget(pulumi.ComponentResource):
    """A budget of all that carries the environment's tag, once AWS knows that as a cost tag; it notifies a topic."""

    name: pulumi.Output[str]

    def __init__(
        self,
        dollars: int,
        names: Names,
        topic_arn: pulumi.Input[str],
        tags: dict[str, str],
    ) -> None:
        super().__init__("estate:observability:EstateBudget", "estate", None, None)
        budget = aws.budgets.Budget(
            "estate-budget",
            name=names.of("budget", "estate"),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(dollars),
            limit_unit="USD",
            cost_filters=[
                aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:Environment${names.suffix}"])
            ],
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=100,
                    threshold_type="PERCENTAGE",
                    subscriber_sns_topic_arns=[topic_arn],
                )
                for kind in NOTIFICATIONS
            ],
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = budget.name
        self.register_outputs({})
