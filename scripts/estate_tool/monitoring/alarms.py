"""The alarms of an environment, as CloudWatch has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from estate_tool.core.environment import Environment


_MOST_NAMES = 100  # of one DescribeAlarms
# The names and ARNs in a rule such as ALARM("one") OR OK(two).
_ABOUT = re.compile(r"\(\s*\"?([^\s()\"]+)\"?\s*\)")


@dataclass(frozen=True)
class Alarm:
    """An alarm, the topics it notifies of ALARM and of OK, and the composite alarms whose rules name it."""

    name: str
    state: str
    enabled: bool
    topics: tuple[str, ...]
    parents: tuple[str, ...] = ()
    ok_topics: tuple[str, ...] = ()


def of_environment(environment: Environment) -> list[Alarm]:
    """Return all alarms of the environment, composite ones first."""
    suffix = environment.names.suffix
    cloudwatch = environment.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix="alarm-", AlarmTypes=["CompositeAlarm", "MetricAlarm"]
    )
    found = [one for page in pages for one in _alarms(page)]
    # Another environment's suffix may end in this one's: then only the tag distinguishes them.
    named = [one for one in found if one["AlarmName"].endswith(f"-{suffix}")]
    mine = [one for one in named if _tag(cloudwatch, one["AlarmArn"], "Environment") == suffix]
    rules = {one["AlarmName"]: set(_ABOUT.findall(one["AlarmRule"])) for one in mine if "AlarmRule" in one}
    return [_alarm(one, rules) for one in sorted(mine, key=lambda one: ("AlarmRule" not in one, one["AlarmName"]))]


def by_name(cloudwatch: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the alarms of these names as CloudWatch describes them; those that there are not are left out."""
    found: list[dict[str, Any]] = []
    for first in range(0, len(names), _MOST_NAMES):
        page = cloudwatch.describe_alarms(
            AlarmNames=names[first : first + _MOST_NAMES], AlarmTypes=["CompositeAlarm", "MetricAlarm"],
            MaxRecords=_MOST_NAMES,
        )  # fmt: skip
        found += _alarms(page)
    return found


def _alarms(page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from page.get("CompositeAlarms", [])
    yield from page.get("MetricAlarms", [])


def _tag(cloudwatch: Any, arn: str, key: str) -> str | None:
    tags = cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == key), None)


def _alarm(alarm: dict[str, Any], rules: Mapping[str, set[str]]) -> Alarm:
    known_as = {alarm["AlarmName"], alarm["AlarmArn"]}
    return Alarm(
        name=alarm["AlarmName"],
        state=alarm["StateValue"],
        enabled=alarm.get("ActionsEnabled", True),
        topics=_topics(alarm.get("AlarmActions", [])),
        parents=tuple(name for name, about in rules.items() if known_as & about),
        ok_topics=_topics(alarm.get("OKActions", [])),
    )


def _topics(actions: list[str]) -> tuple[str, ...]:
    return tuple(action for action in actions if action.split(":")[2] == "sns")
