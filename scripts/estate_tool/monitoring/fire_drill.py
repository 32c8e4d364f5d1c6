"""Fire drill: alarms are set off, and a temporary queue receives their notifications."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.core.untrusted import decoded, mapping
from estate_tool.monitoring.alarms import by_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.alarms import Alarm

_COMPONENT = "fire-drill"
# One that a killed run left behind is removed by a later run; a run takes minutes.
_LEFT_BEHIND_SECONDS = 3600
_WAIT_SECONDS = 2
# SNS delivers to a queue within a second or two; a run of many alarms at CloudWatch's rate limits takes longer.
_TIMEOUT_SECONDS = 60.0
_TIMEOUT_LOCALLY = 6.0
_ATTEMPTS = 2


@contextlib.contextmanager
def subscribed_queue(environment: Environment, topics: Sequence[str]) -> Iterator[str]:
    """Subscribe a temporary queue, whose URL is given, to the topics; both are removed whatever happens."""
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
        yield url


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


@dataclass
class AlarmTest:
    """An alarm under test: the topics it was heard on, and how long that took."""

    alarm: Alarm
    set_at: float = 0.0
    heard: dict[str, float] = field(default_factory=dict)

    @property
    def silent(self) -> list[str]:
        """Topics on which it was not heard."""
        return [topic for topic in self.alarm.topics if topic not in self.heard]

    @property
    def delivered(self) -> bool:
        """True if it was heard on every topic."""
        return not self.silent

    def to_dict(self) -> dict[str, Any]:
        """Return its part of the report."""
        seconds = round(max(self.heard.values()), 2) if self.delivered and self.heard else None
        why = "" if self.alarm.enabled else "its actions are switched off"
        return {
            "alarm": self.alarm.name, "delivered": self.delivered, "topics": list(self.alarm.topics),
            "silent_topics": self.silent, "seconds": seconds, "why": why,
        }  # fmt: skip


def notifications(alarms: Sequence[Alarm]) -> Counter[str]:
    """Return the number of notifications a drill sends to each topic: of ALARM, and of OK where that has topics.

    An alarm that has no topic of its own is not drilled, so that none sets off the composite alarm above it.
    """
    return Counter(topic for alarm in alarms if alarm.enabled for topic in (*alarm.topics, *alarm.ok_topics))


def drill(environment: Environment, alarms: Sequence[Alarm], show: Callable[[str], None]) -> list[AlarmTest]:
    """Set each alarm to ALARM and back; return what was delivered. Each alarm has a topic.

    Composite alarms come first: once their children are set off, they may already be in the state ALARM.
    """
    tested = [AlarmTest(alarm) for alarm in alarms]
    topics = sorted({topic for alarm in alarms for topic in alarm.topics})
    with subscribed_queue(environment, topics) as queue:
        run = _Run(environment, queue, show)
        for _ in range(_ATTEMPTS):
            left = [one for one in tested if not one.delivered and one.alarm.enabled]
            for one in left:
                run.set_off(one)
            run.listen(tested)
    return tested


class _Run:
    """One drill. A mark in the alarms' state reasons identifies its own notifications."""

    def __init__(self, environment: Environment, queue: str, show: Callable[[str], None]) -> None:
        self._cloudwatch = environment.client("cloudwatch")
        self._sqs = environment.client("sqs")
        self._queue = queue
        # The embedded AWS delivers at once: what has not come after seconds never comes.
        self._timeout = _TIMEOUT_LOCALLY if environment.local else _TIMEOUT_SECONDS
        self._show = show
        self._mark = f"fire drill {secrets.token_hex(6)}"

    def set_off(self, tested: AlarmTest) -> None:
        """Set ALARM, and back. Only changes are notified, so an alarm that is in ALARM leaves that state first."""
        name = tested.alarm.name
        self._show(f"fire drill: {name}")
        before = self._state(tested.alarm)
        try:
            if before == "ALARM":
                self._set(name, "OK")
            tested.set_at = time.monotonic()
            self._set(name, "ALARM")
        finally:
            if before != "ALARM":
                self._set(name, before)

    def listen(self, tested: Sequence[AlarmTest]) -> None:
        """Wait until all were heard, or nothing has come for too long."""
        waiting = {one.alarm.name: one for one in tested}
        end = time.monotonic() + self._timeout
        while time.monotonic() < end and any(not one.delivered and one.alarm.enabled for one in tested):
            for topic, message in self._receive():
                one = waiting.get(message.get("AlarmName", ""))
                ours = message.get("NewStateValue") == "ALARM" and self._mark in message.get("NewStateReason", "")
                if one and ours:
                    one.heard.setdefault(topic, time.monotonic() - one.set_at)
                    end = time.monotonic() + self._timeout
            self._show(f"fire drill: {sum(one.delivered for one in tested)} of {len(tested)} heard")

    def _receive(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield topic and notification, each once, of the messages that arrive within a moment."""
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT_SECONDS)
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
            envelope = mapping(decoded(message["Body"]))
            yield str(envelope.get("TopicArn")), mapping(decoded(envelope.get("Message")))

    def _state(self, alarm: Alarm) -> str:
        found = by_name(self._cloudwatch, [alarm.name])
        return str(found[0]["StateValue"]) if found else alarm.state

    def _set(self, name: str, state: str) -> None:
        self._cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=self._mark)
