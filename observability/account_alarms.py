"""Alarm types of what all functions and alarms share: the account's concurrency, and the topics."""

from observability.alarm_spec import Key, MissingData
from observability.definition import AlarmDefinition
from observability.metrics import of_account

ACCOUNT = Key("account", "lambda")

UNUSED = MissingData("notBreaching", "Lambda publishes nothing while no function of the account is called")
NOTHING_SENT = MissingData("notBreaching", "SNS publishes nothing while nothing is sent to the topic")

ACCOUNT_ALARMS: tuple[AlarmDefinition[None], ...] = (
    AlarmDefinition(
        alarm_type="claimed",
        summary="Over {thresholds.capacity_percent} % of the account's {thresholds.account_concurrency} concurrent "
        "executions are claimed; at the limit, calls of all functions are refused.",
        remediation="look for the function that takes most of them; bound it, or have the quota raised.",
        rule="over {thresholds.capacity_percent} % of observability:accountConcurrency",
        metrics=lambda _: (of_account("ClaimedAccountConcurrency"),),
        threshold=lambda watched: watched.thresholds.account_concurrency * watched.thresholds.capacity_percent / 100,
        missing_data=UNUSED,
        periods=6,
        datapoints=3,
    ),
)

TOPIC_ALARMS: tuple[AlarmDefinition[None], ...] = (
    AlarmDefinition(
        alarm_type="deliveries",
        summary="Notifications of the topic {topic} did not reach a subscriber.",
        remediation="see whether its endpoint answers; `estate fire-drill` shows what arrives.",
        rule="the first one",
        values=lambda watched: {"topic": watched.key.name},
        metrics=lambda watched: (watched.metrics.topic(watched.key.name, "NumberOfNotificationsFailed"),),
        threshold=0,
        missing_data=NOTHING_SENT,
        # Notifies the other topic: this one may not reach its subscribers.
        severity=lambda watched: "ticket" if watched.key.name == "page" else "page",
        period_seconds=300,
        periods=3,
    ),
)
