"""Configuration of the observability layer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from foundation.problems import InvalidConfiguration, Problem
from foundation.settings import boolean, choice, integer, objects, read_settings, text

Severity = Literal["page", "ticket"]
SEVERITIES = get_args(Severity)
# Each level has the alarms of those before it, too. Alarms are declared from "symptoms" on; of these, "pages" has those
# that page by themselves: of events that are lost or refused.
Level = Literal["pages", "symptoms", "standard", "all"]
LEVELS = get_args(Level)
HALF_A_DAY = 43_200  # seconds; well before a stream (24 hours) or a queue (at least a day) forgets anything

_ENDPOINTS: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "https": re.compile(r"https://[^\s/]+(/\S*)?"),
    "sqs": re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[\w-]{1,80}"),
    "lambda": re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]{1,64}(:[\w-]+)?"),
}


# SNS takes keys of its own region only.
_KEY = re.compile(r"arn:aws[a-z-]*:kms:us-east-1:\d{12}:key/[A-Za-z0-9-]{1,128}")
# The longest description an alarm may have leaves this much for the link ("PutMetricAlarm").
_LONGEST_BASE = 200


def _is_subscription(item: Mapping[str, str]) -> bool:
    pattern = _ENDPOINTS.get(item["protocol"])
    severity = item.get("severity", SEVERITIES[0])
    return pattern is not None and pattern.fullmatch(item["endpoint"]) is not None and severity in SEVERITIES


def _is_base(value: str) -> bool:
    return re.fullmatch(r"[^\s#]*[^\s#/]", value) is not None and len(value) <= _LONGEST_BASE


SETTINGS = (
    choice(
        "alarmLevel",
        default="standard",
        choices=LEVELS,
        about="Which alarms there are: of losses that page only, of all symptoms, also of their causes, or all. "
        "Each costs something.",
    ),
    boolean("dashboard", default=True, about="Makes the dashboard, which costs 3 $ a month."),
    objects(
        "subscriptions",
        fields=("protocol", "endpoint"),
        optional=("severity",),
        valid=_is_subscription,
        allowed='a list of {"protocol", "endpoint"}: email and an address, https and a URL, sqs or lambda and an ARN; '
        'with "severity", page or ticket, of that alone',
        about="Recipients of changes of alarms' states. A queue's or function's own policy must let the topic in.",
    ),
    text(
        "topicKeyArn",
        default=None,
        valid=lambda value: _KEY.fullmatch(value) is not None,
        allowed="the ARN of a key in us-east-1: arn:aws:kms:us-east-1:ACCOUNT:key/ID",
        about="Key of yours that encrypts both topics; its policy must let CloudWatch in. Not set: not encrypted.",
    ),
    text(
        "runbooks",
        default="docs/runbooks",
        valid=_is_base,
        allowed=f"a path or URL without a slash at its end, at most {_LONGEST_BASE} characters",
        about="Where the links to the runbooks in the alarms' descriptions begin.",
    ),
    integer(
        "maximumQueueAgeSeconds",
        default=900,
        minimum=60,
        maximum=HALF_A_DAY,
        unit="seconds",
        about="How long the oldest message may wait in a queue before an alarm goes off.",
    ),
    integer(
        "maximumStreamLagSeconds",
        default=300,
        minimum=60,
        maximum=HALF_A_DAY,
        unit="seconds",
        about="How old a stream's record may be when its function gets it before an alarm goes off.",
    ),
    integer(
        "durationPercent",
        default=90,
        minimum=50,
        maximum=99,
        unit="percent",
        about="Share of its timeout that a function's slowest calls (p99) may take before an alarm goes off.",
    ),
    integer(
        "slowQueryMilliseconds",
        default=2000,
        minimum=100,
        maximum=900_000,
        unit="milliseconds",
        about="How long the slowest calls (p99) of a critical function may take before an alarm goes off.",
    ),
    integer(
        "errorPercent",
        default=5,
        minimum=1,
        maximum=99,
        unit="percent",
        about="Share of a function's calls that may fail before an alarm on the error rate goes off.",
    ),
    integer(
        "memoryPercent",
        default=90,
        minimum=50,
        maximum=99,
        unit="percent",
        about="Share of its memory that a call may use before an alarm goes off.",
    ),
    integer(
        "capacityPercent",
        default=80,
        minimum=50,
        maximum=99,
        unit="percent",
        about="Share of a limit (a table's capacity, concurrency, messages in flight) that may be in use before an "
        "alarm goes off.",
    ),
    integer(
        "invalidEvents",
        default=10,
        minimum=1,
        maximum=1_000_000,
        unit="events",
        about="Malformed events within 15 minutes that page. Fewer of them are in the ticket of the dead-letter queue.",
    ),
    integer(
        "quietHours",
        default=0,
        minimum=0,
        maximum=24,
        unit="hours",
        about="Hours without any message sent to a queue that page; 0 for an estate that may rest.",
    ),
    integer(
        "monthlyBudget",
        default=0,
        minimum=0,
        maximum=1_000_000,
        unit="dollars",
        about="Limit of the environment's monthly cost: a ticket when it is reached, or will be by AWS's forecast. "
        "0: none. AWS has to know the tag `Environment` (`estate tags ENV --activate`).",
    ),
    integer(
        "accountConcurrency",
        default=1000,
        minimum=10,
        maximum=1_000_000,
        unit="calls",
        about="Concurrent executions that the account's quota of Lambda allows in the region.",
    ),
    integer(
        "logMegabytesPerHour",
        default=1000,
        minimum=1,
        maximum=1_000_000,
        unit="MB",
        about="Logs that a function may write within an hour before an alarm goes off.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """An address for notifications: a protocol of SNS, an endpoint that fits it, a severity; None is any."""

    protocol: str
    endpoint: str
    severity: str | None = None


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Limits that are a matter of taste; the others follow from the declarations in the catalog."""

    maximum_queue_age_seconds: int
    maximum_stream_lag_seconds: int
    duration_percent: int
    slow_query_milliseconds: int
    error_percent: int
    memory_percent: int
    capacity_percent: int
    invalid_events: int
    quiet_hours: int
    account_concurrency: int
    log_megabytes_per_hour: int


@dataclass(frozen=True, kw_only=True)
class ObservabilityConfig:
    """Typed configuration of the observability layer."""

    subscriptions: tuple[Subscription, ...]
    topic_key_arn: str | None
    runbooks: str
    level: Level
    dashboard: bool
    monthly_budget: int
    thresholds: Thresholds

    def subscribers(self, severity: Severity) -> list[Subscription]:
        """Return the subscriptions to alarms of a severity."""
        return [item for item in self.subscriptions if item.severity in (None, severity)]


def parse(raw: Mapping[str, Any], *, stack: str) -> ObservabilityConfig:
    """The typed configuration; raises InvalidConfiguration with everything that is wrong."""
    del stack  # every layer's parser takes it, this one has no default that depends on it
    values = read_settings("observability", SETTINGS, raw)
    subscriptions = tuple(Subscription(**item) for item in values["subscriptions"])
    endpoints = [(item.protocol, item.endpoint) for item in subscriptions]
    twice = sorted({endpoint for protocol, endpoint in endpoints if endpoints.count((protocol, endpoint)) > 1})
    if twice:
        allowed = "each protocol and endpoint once; without a severity it is told of all"
        raise InvalidConfiguration(
            [Problem(where="observability:subscriptions", value=value, allowed=allowed) for value in twice]
        )
    return ObservabilityConfig(
        subscriptions=subscriptions,
        topic_key_arn=values["topicKeyArn"],
        runbooks=values["runbooks"],
        level=values["alarmLevel"],
        dashboard=values["dashboard"],
        monthly_budget=values["monthlyBudget"],
        thresholds=Thresholds(
            maximum_queue_age_seconds=values["maximumQueueAgeSeconds"],
            maximum_stream_lag_seconds=values["maximumStreamLagSeconds"],
            duration_percent=values["durationPercent"],
            slow_query_milliseconds=values["slowQueryMilliseconds"],
            error_percent=values["errorPercent"],
            memory_percent=values["memoryPercent"],
            capacity_percent=values["capacityPercent"],
            invalid_events=values["invalidEvents"],
            quiet_hours=values["quietHours"],
            account_concurrency=values["accountConcurrency"],
            log_megabytes_per_hour=values["logMegabytesPerHour"],
        ),
    )
