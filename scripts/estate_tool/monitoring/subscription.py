"""Temporary queue that is subscribed to topics."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from estate_tool.core.environment import Environment

_COMPONENT = "fire-drill"
# One that a killed run left behind is removed by a later run; a run takes minutes.
_LEFT_BEHIND_SECONDS = 3600
_WAIT_SECONDS = 2


class Listener:
    """Receives the notifications, each once."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def heard(self) -> list[tuple[str, dict[str, Any]]]:
        """(topic, notification) of what has come, after a moment of waiting."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT_SECONDS)
        found: list[tuple[str, dict[str, Any]]] = []
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            with contextlib.suppress(ValueError, KeyError, TypeError):
                envelope = json.loads(message["Body"])
                notification = json.loads(envelope["Message"])
                found += [(envelope["TopicArn"], notification)] if isinstance(notification, dict) else []
        return found


@contextlib.contextmanager
def listening(environment: Environment, topics: Sequence[str]) -> Iterator[Listener]:
    """A temporary queue subscribed to the topics; queue and subscriptions are removed whatever happens."""
    sqs, sns = environment.client("sqs"), environment.client("sns")
    _remove_left_behind(environment, sqs, sns, topics)
    name = environment.names.queue(f"{_COMPONENT}-{secrets.token_hex(4)}")
    with contextlib.ExitStack() as removal:
        url = sqs.create_queue(QueueName=name, Attributes={"MessageRetentionPeriod": "3600"})["QueueUrl"]
        removal.callback(_tried, f"the queue {name}", sqs.delete_queue, QueueUrl=url)
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(_policy(arn, topics))})
        for topic in topics:
            made = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
            subscription = made["SubscriptionArn"]
            removal.callback(_tried, f"the subscription {subscription}", sns.unsubscribe, SubscriptionArn=subscription)
        yield Listener(sqs, url)


def _policy(queue: str, topics: Sequence[str]) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(topics)}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _tried(what: str, remove: Any, **arguments: str) -> None:
    """Remove one thing; that it can't be must not keep the others from being removed."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        remove(**arguments)
    except (BotoCoreError, ClientError) as error:
        print(f"{what} could not be removed, do so by hand: {error}", file=sys.stderr)


def _remove_left_behind(environment: Environment, sqs: Any, sns: Any, topics: Sequence[str]) -> None:
    """Remove the queue and subscriptions of a drill that was killed."""
    prefix = f"queue-{_COMPONENT}-"
    for url in sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", []):
        name = url.rpartition("/")[2]
        if not name.endswith(f"-{environment.names.suffix}"):
            continue
        try:
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "CreatedTimestamp"])
        except sqs.exceptions.QueueDoesNotExist:
            continue  # SQS lists a queue for up to a minute after it was deleted
        found = answer["Attributes"]
        if time.time() - float(found["CreatedTimestamp"]) < _LEFT_BEHIND_SECONDS:
            continue
        for topic in topics:
            pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
            for one in (one for page in pages for one in page["Subscriptions"]):
                if one["Endpoint"] == found["QueueArn"]:
                    _tried("an old subscription", sns.unsubscribe, SubscriptionArn=one["SubscriptionArn"])
        _tried(f"the queue {name}", sqs.delete_queue, QueueUrl=url)
