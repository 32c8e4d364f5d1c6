"""Evaluation of registered alarms, minute by minute ("Evaluating an alarm", "Create a composite alarm").

From datapoints to a state, and metric math, are calculated by the embedded AWS's own modules, which have the user
guide's worked examples as tests. Here are the windows, the clocks of evaluation, composite alarms and actions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_aws.server.alarm_states import Rule, judge
from local_aws.server.metric_math import evaluate
from tests.support.cloudwatch.metrics import Metrics, Points, identity

MINUTES_OF_A_DAY = 1440


@dataclass(frozen=True)
class Query:
    """A metric of an alarm: its id in expressions, and the statistic taken of it."""

    id: str
    points: Points
    statistic: str
    # By the minute within a period: when the values were read last, how many of the first ones are final, and all.
    _read: dict[int, tuple[int, int, tuple[float | None, ...]]] = field(default_factory=dict)

    def values(self, starts: Sequence[int], minutes: int, now: int) -> tuple[float | None, ...]:
        """Return the statistic of each period, as far as it can be read now. Final ones are not calculated again."""
        before, final, values = self._read.get(now % minutes, (None, 0, ()))
        head = values[1:final] if before == now - minutes else ()
        tail: list[float | None] = []
        final = len(head)
        for start in starts[len(head) :]:
            value, complete = self.points.statistic(self.statistic, start, minutes, now)
            final += complete and final == len(head) + len(tail)
            tail.append(value)
        values = (*head, *tail)
        self._read[now % minutes] = now, final, values
        return values


@dataclass
class MetricAlarm:
    """An alarm as PutMetricAlarm gets it; `period` in minutes."""

    name: str
    rule: Rule
    queries: tuple[Query, ...]
    expression: str | None
    period: int
    actions: Mapping[str, Sequence[str]]
    state: str = "OK"
    _known: dict[tuple[Any, ...], str | None] = field(default_factory=dict)

    def due(self, now: int) -> bool:
        """True when CloudWatch evaluates it: every minute, or every hour if it looks back for over a day."""
        return self.period * self.rule.periods <= MINUTES_OF_A_DAY or now % 60 == 0

    def evaluate(self, now: int) -> str:
        """Return the state that follows from the periods that end now."""
        starts = range(now - self.period * self.rule.reach, now, self.period)
        values = {query.id: query.values(starts, self.period, now) for query in self.queries}
        key = tuple(values.values())
        if key not in self._known:
            self._known[key] = self._judge(values)
        return self._known[key] or self.state

    def _judge(self, values: Mapping[str, tuple[float | None, ...]]) -> str | None:
        if self.expression is None:
            (points,) = values.values()
        else:
            points = evaluate(self.expression, values, tuple(values), self.rule.reach, self.period * 60)
        return judge(self.rule, points).state


@dataclass
class CompositeAlarm:
    """A composite alarm over any of its children."""

    name: str
    children: tuple[str, ...]
    actions: Mapping[str, Sequence[str]]
    state: str = "OK"


_CHILD = re.compile(r'ALARM\("([^"]+)"\)')


def composite_alarm(inputs: Mapping[str, Any]) -> CompositeAlarm:
    """Read a composite alarm from its registered inputs. ValueError unless its rule is `ALARM("…") OR …`."""
    rule = inputs["alarmRule"]
    children = tuple(_CHILD.findall(rule))
    if rule != " OR ".join(f'ALARM("{child}")' for child in children):
        raise ValueError(f"{inputs['alarmName']}: the rule {rule} can't be simulated")
    return CompositeAlarm(inputs["alarmName"], children, _actions(inputs))


def metric_alarm(inputs: Mapping[str, Any], metrics: Metrics, spare: int) -> MetricAlarm:
    """Read a metric alarm from its registered inputs; `spare` datapoints are looked at beside the N of M of N."""
    queries, expression, seconds = _queries(inputs, metrics)
    rule = _Rule(
        comparison=inputs["comparisonOperator"],
        threshold=float(inputs["threshold"]),
        periods=int(inputs["evaluationPeriods"]),
        datapoints=int(inputs["datapointsToAlarm"]),
        # Alarms on metrics of DynamoDB ignore missing data, however they are set.
        missing="ignore" if inputs.get("namespace") == "AWS/DynamoDB" else inputs["treatMissingData"],
        spare=spare,
    )
    if seconds % 60:
        raise ValueError(f"{inputs['name']}: periods of {seconds} s can't be simulated")
    return MetricAlarm(inputs["name"], rule, queries, expression, int(seconds) // 60, _actions(inputs))


@dataclass(frozen=True, kw_only=True)
class _Rule(Rule):
    spare: int = 2

    @property
    def reach(self) -> int:
        return self.periods + self.spare


def _queries(inputs: Mapping[str, Any], metrics: Metrics) -> tuple[tuple[Query, ...], str | None, int]:
    if "metricQueries" not in inputs:
        statistic = inputs.get("statistic") or inputs["extendedStatistic"]
        return (Query("m1", _points(inputs, metrics), statistic),), None, inputs["period"]
    (expression,) = [query["expression"] for query in inputs["metricQueries"] if "expression" in query]
    stats = [(query["id"], query["metric"]) for query in inputs["metricQueries"] if "metric" in query]
    (seconds,) = {metric["period"] for _, metric in stats}
    return tuple(Query(id_, _points(one, metrics), one["stat"]) for id_, one in stats), expression, seconds


def _points(metric: Mapping[str, Any], metrics: Metrics) -> Points:
    return metrics.of(identity(metric["namespace"], metric["metricName"], metric.get("dimensions") or {}))


def _actions(inputs: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    return {"ALARM": inputs.get("alarmActions") or (), "OK": inputs.get("okActions") or ()}
