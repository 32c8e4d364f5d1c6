"""Topics of alarms and the budget, one per severity, with policies and subscriptions; the budget itself."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from foundation.naming import Arns, Names
from foundation.resource_policies import tls_only
from observability.config import SEVERITIES, ObservabilityConfig, Severity, Subscription

# Budget notifications: of actual cost, and of the cost forecast for the month's end.
NOTIFICATIONS = ("ACTUAL", "FORECASTED")


class EstateBudget(pulumi.ComponentResource):
    """A budget of all resources with the environment's tag, if that is activated as a cost allocation tag."""

    def __init__(self, dollars: int, names: Names, topic_arn: pulumi.Input[str], tags: dict[str, str]) -> None:
        super().__init__("estate:observability:EstateBudget", "estate")
        aws.budgets.Budget(
            "estate-budget",
            name=names.of("budget", "estate"),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(dollars),
            limit_unit="USD",
            cost_filters=[{"name": "TagKeyValue", "values": [f"user:Environment${names.suffix}"]}],
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": kind,
                    "threshold": 100,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_sns_topic_arns": [topic_arn],
                }
                for kind in NOTIFICATIONS
            ],
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


# A budget's notification can wait for the morning.
BUDGET_SEVERITY: Severity = "ticket"


def topic_policy(topic_arn: str, names: Names, *, budgets: bool) -> dict[str, Any]:
    """Return a policy that allows only alarms of this environment to publish, and requires TLS.

    With `budgets`, budgets of this account may publish as well ("Creating a topic for budget notifications").
    """
    arns = Arns.beside(topic_arn, names)
    publishers = [("PublishedByAlarms", "cloudwatch.amazonaws.com", arns.alarms)]
    if budgets:
        of_account = f"arn:{arns.partition}:budgets::{arns.account}:*"
        publishers.append(("PublishedByBudgets", "budgets.amazonaws.com", of_account))
    statements = [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sns:Publish",
            "Resource": topic_arn,
            "Condition": {"ArnLike": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": arns.account}},
        }
        for sid, service, source in publishers
    ]
    # Not sns:*, which topic policies refuse; only publishing has content.
    return {"Version": "2012-10-17", "Statement": [*statements, tls_only("sns:Publish", topic_arn)]}


def build_topics(config: ObservabilityConfig, names: Names, tags: dict[str, str]) -> "dict[Severity, AlertsTopic]":
    """Register the topic of every severity. Warn of one without any subscriber."""
    for severity in SEVERITIES:
        if not config.subscribers(severity):
            pulumi.log.warn(f"topic {severity} has no subscriber: set observability:subscriptions")
    return {
        severity: AlertsTopic(
            severity,
            AlertsTopicArgs(
                names=names,
                subscriptions=config.subscribers(severity),
                budgets=severity == BUDGET_SEVERITY and bool(config.monthly_budget),
                key_arn=config.topic_key_arn,
                tags=tags,
            ),
        )
        for severity in SEVERITIES
    }


@dataclass(frozen=True, kw_only=True)
class AlertsTopicArgs:
    """Names of the environment, subscriptions, whether budgets publish, a customer's key if any, and tags."""

    names: Names
    subscriptions: Sequence[Subscription]
    budgets: bool = False
    key_arn: str | None = None
    tags: dict[str, str]


class AlertsTopic(pulumi.ComponentResource):
    """A topic for the environment's alarms, and its subscriptions."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: AlertsTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:observability:AlertsTopic", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(
            f"{name}-topic",
            name=args.names.of("topic", name),
            # Not encrypted without a customer managed key: alarms can't publish with alias/aws/sns, and fail silently.
            kms_master_key_id=args.key_arn,
            tags=args.tags,
            opts=child,
        )
        policy = aws.sns.TopicPolicy(
            f"{name}-policy",
            arn=topic.arn,
            policy=pulumi.Output.json_dumps(
                topic.arn.apply(lambda arn: topic_policy(arn, args.names, budgets=args.budgets))
            ),
            opts=child,
        )
        for subscription in args.subscriptions:
            self._subscribe(name, topic, subscription)
        # Known only after the policy is attached, so that dependents wait for both.
        self.arn = pulumi.Output.all(topic.arn, policy.id).apply(lambda both: str(both[0]))
        self.register_outputs({"arn": self.arn})

    def _subscribe(self, name: str, topic: aws.sns.Topic, subscription: Subscription) -> None:
        # Named after the endpoint, so that the order in the configuration does not matter.
        digest = hashlib.sha256(subscription.endpoint.encode()).hexdigest()[:12]
        aws.sns.TopicSubscription(
            f"{name}-{subscription.protocol}-{digest}",
            topic=topic.arn,
            protocol=subscription.protocol,
            endpoint=subscription.endpoint,
            opts=pulumi.ResourceOptions(parent=self),
        )
