"""Topics that alarms publish to, one per severity: policies and subscriptions."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from foundation.naming import Arns, Names
from foundation.resource_policies import tls_only
from observability.budget import publishing
from observability.config import SEVERITIES, ObservabilityConfig, Severity, Subscription

# A budget's notification can wait for the morning.
BUDGET_SEVERITY: Severity = "ticket"


def topic_policy(topic_arn: str, names: Names, *, budgets: bool = False) -> dict[str, Any]:
    """Allow CloudWatch alone to publish, for alarms of this environment in this account; refuse all without TLS.

    With `budgets`, budgets of this account may as well.
    """
    arns = Arns.beside(topic_arn, names)
    statement = {
        "Sid": "PublishedByAlarms",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic_arn,
        "Condition": {
            "ArnLike": {"aws:SourceArn": arns.alarms},
            "StringEquals": {"aws:SourceAccount": arns.account},
        },
    }
    # Not sns:*, which topic policies refuse; publishing is what carries content.
    allowed = [statement, publishing(topic_arn, arns)] if budgets else [statement]
    return {"Version": "2012-10-17", "Statement": [*allowed, tls_only("sns:Publish", topic_arn)]}


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
    """A topic that the environment's alarms, and nothing else, may publish to; and its subscriptions."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]

    def __init__(self, name: str, args: AlertsTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:observability:AlertsTopic", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(
            f"{name}-topic",
            name=args.names.of("topic", name),
            # Without a customer's key not encrypted: alarms can't publish under alias/aws/sns, and would fail silently.
            kms_master_key_id=args.key_arn,
            tags=args.tags,
            opts=child,
        )
        policy = aws.sns.TopicPolicy(
            f"{name}-policy",
            arn=topic.arn,
            policy=topic.arn.apply(lambda arn: json.dumps(topic_policy(arn, args.names, budgets=args.budgets))),
            opts=child,
        )
        for subscription in args.subscriptions:
            self._subscribe(name, topic, subscription)
        self.name = topic.name
        # Only after the policy is attached, so that dependents wait for both.
        self.arn = pulumi.Output.all(topic.arn, policy.id).apply(lambda both: str(both[0]))
        self.register_outputs({"arn": self.arn})

    def _subscribe(self, name: str, topic: aws.sns.Topic, subscription: Subscription) -> None:
        # Named after what it is, so that the order in the configuration does not matter.
        digest = hashlib.sha256(subscription.endpoint.encode()).hexdigest()[:12]
        aws.sns.TopicSubscription(
            f"{name}-{subscription.protocol}-{digest}",
            topic=topic.arn,
            protocol=subscription.protocol,
            endpoint=subscription.endpoint,
            opts=pulumi.ResourceOptions(parent=self),
        )
