"""Configuration of the observability layer."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, model_validator

from foundation.problems import InvalidConfiguration, Problem
from foundation.settings import Flag, Settings, Text, Whole, choice, from_json, number, read_settings, rule, setting

Severity = Literal["page", "ticket"]
SEVERITIES = get_args(Severity)
# Each level includes the levels before it. Alarms are declared from "symptoms" on; "pages" has those of them that page
# by themselves, of lost or refused events.
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


def _is_base(value: str) -> bool:
    return re.fullmatch(r"[^\s#]*[^\s#/]", value) is not None and len(value) <= _LONGEST_BASE


class Subscription(Settings):
    """An address for notifications: a protocol of SNS, an endpoint that fits it, a severity; None is any."""

    protocol: Text
    endpoint: Text
    severity: Annotated[Severity, BeforeValidator(choice)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        pattern = _ENDPOINTS.get(self.protocol)
        if pattern is None or not pattern.fullmatch(self.endpoint):
            raise ValueError(self.endpoint)
        return self


class ObservabilityConfig(Settings):
    """Typed configuration of the observability layer."""

    level: Annotated[Level, BeforeValidator(choice)] = setting(
        "standard",
        "Which alarms there are: only pages of lost events, all symptoms, also their causes, or all. "
        "Each costs something.",
        alias="alarmLevel",
    )
    dashboard: Flag = setting(True, "Makes the dashboard, which costs 3 $ a month.")
    subscriptions: Annotated[tuple[Subscription, ...], BeforeValidator(from_json)] = setting(
        (),
        "Recipients of changes of alarms' states. A queue's or function's own policy must let the topic in.",
        allowed='a list of {"protocol", "endpoint"}: email and an address, https and a URL, sqs or lambda and an ARN; '
        'with "severity", page or ticket, of that alone',
    )
    topic_key_arn: Annotated[Text, AfterValidator(rule(lambda value: _KEY.fullmatch(value) is not None))] | None = (
        setting(
            None,
            "Key of yours that encrypts both topics; its policy must let CloudWatch in. Not set: not encrypted.",
            allowed="the ARN of a key in us-east-1: arn:aws:kms:us-east-1:ACCOUNT:key/ID",
        )
    )
    runbooks: Annotated[Text, AfterValidator(rule(_is_base))] = setting(
        "docs/runbooks",
        "Where the links to the runbooks in the alarms' descriptions begin.",
        allowed=f"a path or URL without a slash at its end, at most {_LONGEST_BASE} characters",
    )
    maximum_queue_age_seconds: Whole = number(
        900, (60, HALF_A_DAY), "How long the oldest message may wait in a queue before an alarm goes off.", "seconds"
    )
    maximum_stream_lag_seconds: Whole = number(
        300,
        (60, HALF_A_DAY),
        "How old a stream's record may be when its function gets it before an alarm goes off.",
        "seconds",
    )
    duration_percent: Whole = number(
        90,
        (50, 99),
        "Share of its timeout that a function's slowest calls (p99) may take before an alarm goes off.",
        "percent",
    )
    slow_query_milliseconds: Whole = number(
        2000,
        (100, 900_000),
        "How long the slowest calls (p99) of a critical function may take before an alarm goes off.",
        "milliseconds",
    )
    error_percent: Whole = number(
        5, (1, 99), "Share of a function's calls that may fail before an alarm on the error rate goes off.", "percent"
    )
    memory_percent: Whole = number(
        90, (50, 99), "Share of its memory that a call may use before an alarm goes off.", "percent"
    )
    capacity_percent: Whole = number(
        80,
        (50, 99),
        "Share of a limit (a table's capacity, concurrency, messages in flight) that may be in use before an "
        "alarm goes off.",
        "percent",
    )
    invalid_events: Whole = number(
        10,
        (1, 1_000_000),
        "Malformed events within 15 minutes that page. Fewer of them are in the ticket of the dead-letter queue.",
        "events",
    )
    quiet_hours: Whole = number(
        0, (0, 24), "Hours without any message sent to a queue that page; 0 for an estate that may rest.", "hours"
    )
    monthly_budget: Whole = number(
        0,
        (0, 1_000_000),
        "Limit of the environment's monthly cost: a ticket when it is reached, or will be by AWS's forecast. "
        "0: none. AWS has to know the tag `Environment` (`estate tags ENV --activate`).",
        "dollars",
    )
    account_concurrency: Whole = number(
        1000, (10, 1_000_000), "Concurrent executions that the account's quota of Lambda allows in the region.", "calls"
    )
    log_megabytes_per_hour: Whole = number(
        1000, (1, 1_000_000), "Logs that a function may write within an hour before an alarm goes off.", "MB"
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        endpoints = [(item.protocol, item.endpoint) for item in self.subscriptions]
        twice = sorted({endpoint for protocol, endpoint in endpoints if endpoints.count((protocol, endpoint)) > 1})
        if twice:
            allowed = "each protocol and endpoint once; without a severity it gets alarms of both"
            where = "observability:subscriptions"
            raise InvalidConfiguration([Problem(where=where, value=value, allowed=allowed) for value in twice])
        return self

    def subscribers(self, severity: Severity) -> list[Subscription]:
        """Return the subscriptions to alarms of a severity."""
        return [item for item in self.subscriptions if item.severity in (None, severity)]


def parse(raw: Mapping[str, Any], *, stack: str) -> ObservabilityConfig:
    """Return the typed configuration; raise InvalidConfiguration with all problems."""
    del stack  # every layer's parser takes it; here no default depends on it
    return read_settings("observability", ObservabilityConfig, raw)
