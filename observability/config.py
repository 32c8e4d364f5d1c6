"""Configuration of the observability layer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundation.problems import InvalidConfiguration, Problem
from foundation.settings import integer, objects, read_settings

HALF_A_DAY = 43_200  # seconds; well before a stream (24 hours) or a queue (at least a day) forgets anything

_ENDPOINTS: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "https": re.compile(r"https://[^\s/]+(/\S*)?"),
    "sqs": re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[\w-]{1,80}"),
    "lambda": re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]{1,64}(:[\w-]+)?"),
}


def _is_subscription(item: Mapping[str, str]) -> bool:
    pattern = _ENDPOINTS.get(item["protocol"])
    return pattern is not None and pattern.fullmatch(item["endpoint"]) is not None


SETTINGS = (
    objects(
        "subscriptions",
        fields=("protocol", "endpoint"),
        valid=_is_subscription,
        allowed='a list of {"protocol", "endpoint"}: email and an address, https and a URL, sqs or lambda and an ARN',
        about="Who is told when an alarm changes its state. A queue's or function's own policy must let the topic in.",
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
        "capacityPercent",
        default=80,
        minimum=50,
        maximum=99,
        unit="percent",
        about="Share of the most capacity a table can have that may be in use before an alarm goes off.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """Where notifications go: a protocol of SNS and an address that fits it."""

    protocol: str
    endpoint: str


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What a user tolerates before an alarm goes off; the rest follows from the declarations in the catalog."""

    maximum_queue_age_seconds: int
    maximum_stream_lag_seconds: int
    duration_percent: int
    capacity_percent: int


@dataclass(frozen=True, kw_only=True)
class ObservabilityConfig:
    """Typed configuration of the observability layer."""

    subscriptions: tuple[Subscription, ...]
    thresholds: Thresholds


def parse(raw: Mapping[str, Any], *, stack: str) -> ObservabilityConfig:
    """The typed configuration; raises InvalidConfiguration with everything that is wrong."""
    del stack  # every layer's parser takes it, this one has no default that depends on it
    values = read_settings("observability", SETTINGS, raw)
    subscriptions = tuple(Subscription(**item) for item in values["subscriptions"])
    twice = sorted({item.endpoint for item in subscriptions if subscriptions.count(item) > 1})
    if twice:
        allowed = "each protocol and endpoint once"
        raise InvalidConfiguration(
            [Problem(where="observability:subscriptions", value=value, allowed=allowed) for value in twice]
        )
    return ObservabilityConfig(
        subscriptions=subscriptions,
        thresholds=Thresholds(
            maximum_queue_age_seconds=values["maximumQueueAgeSeconds"],
            maximum_stream_lag_seconds=values["maximumStreamLagSeconds"],
            duration_percent=values["durationPercent"],
            capacity_percent=values["capacityPercent"],
        ),
    )
