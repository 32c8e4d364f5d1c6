"""Publish the metrics of AWS services and evaluate the alarms, once per minute.

For tests, ESTATE_ALARM_PERIOD_SECONDS is the number of seconds that stand for that minute, in the periods of alarms and
in the longest pause between two attempts at a batch of a stream. Ages and durations stay as they are.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from typing import Any

from local_aws.server.alarm_states import COMPARISONS, Evaluation, Rule, judge
from local_aws.server.metric_math import Unsupported
from local_aws.server.patches import metric_api, published
from local_aws.server.patches.metric_api import Window
from local_aws.server.patches.target import changed, cloudwatch, quietly, request_scope

logger = logging.getLogger("alarms")

VARIABLE = "ESTATE_ALARM_PERIOD_SECONDS"
_MINUTE = 60.0


def apply() -> None:
    """Take over from ministack, which evaluates an alarm when a metric is put, whatever the dimensions."""
    cloudwatch._evaluate_alarm = lambda _alarm: None
    _settings["minute"] = _minute()


_settings = {"minute": _MINUTE}


def scaled(seconds: float) -> float:
    """Return the seconds a pause lasts when time is made to run faster."""
    return seconds * _settings["minute"] / _MINUTE


def start() -> None:
    """Start the clock; once the event loop runs and the state is restored."""
    threading.Thread(target=_run, args=(_settings["minute"],), daemon=True, name="alarms").start()


def _minute() -> float:
    """Return the seconds that stand for a minute; remove the variable, which handlers must not see."""
    text = os.environ.pop(VARIABLE, "") or "60"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= _MINUTE:
        raise SystemExit(f"{VARIABLE} is {text!r}; it is the number of seconds that stand for a minute: 0.1 to 60")
    return seconds


def _run(minute: float) -> None:
    while True:
        time.sleep(minute - time.time() % minute)
        try:
            quietly(_tick, time.time() // minute * minute, minute)
        except Exception:
            logger.exception("the metrics and alarms of this minute are lost")


def _tick(now: float, minute: float) -> None:
    """Publish the metrics of the minute that ends now and evaluate the alarms."""
    if published.publish(now - minute / 2):
        changed()
    for account, region in sorted({key[:2] for key in cloudwatch._alarms._data}):
        with request_scope(account, region):
            for alarm in cloudwatch._alarms.values():
                _evaluate(alarm, now, minute / _MINUTE)


def _evaluate(alarm: dict[str, Any], now: float, scale: float) -> None:
    try:
        rule = _rule(alarm)
        outcome = judge(rule, _values(alarm, rule, now, scale))
    except Unsupported as error:
        outcome = Evaluation("INSUFFICIENT_DATA", f"Unchecked: {error}")
    except Exception:
        # A faulty alarm must not stop the others.
        logger.exception("the alarm %s can't be evaluated", alarm["AlarmName"])
        return
    if outcome.state is None or outcome.state == alarm["StateValue"]:
        return
    if outcome.reason.startswith("Unchecked"):
        logger.warning("%s: %s", alarm["AlarmName"], outcome.reason)
    change = {"AlarmName": alarm["AlarmName"], "StateValue": outcome.state, "StateReason": outcome.reason}
    # As the call of the API does: with history, actions, and the composite alarms above.
    cloudwatch._set_alarm_state({}, change | {"StateReasonData": json.dumps({"version": "1.0"})}, False, True)
    changed()


def _rule(alarm: dict[str, Any]) -> Rule:
    comparison, periods = alarm["ComparisonOperator"], int(alarm["EvaluationPeriods"])
    if comparison not in COMPARISONS or alarm.get("ThresholdMetricId"):
        raise Unsupported("alarms on anomalies are not evaluated here")
    # Alarms on metrics of DynamoDB ignore missing data, whatever they are set to.
    of_tables = alarm.get("Namespace") == "AWS/DynamoDB"
    return Rule(
        comparison=comparison,
        threshold=float(alarm["Threshold"]),
        periods=periods,
        datapoints=int(alarm.get("DatapointsToAlarm") or periods),
        missing="ignore" if of_tables else alarm.get("TreatMissingData") or "missing",
    )


def _values(alarm: dict[str, Any], rule: Rule, now: float, scale: float) -> tuple[float | None, ...]:
    """The datapoints of the evaluation range, the last of which ends now."""
    queries = alarm.get("Metrics")
    period = metric_api.period_of(queries) if queries else int(alarm["Period"])
    window = Window(now - rule.reach * period * scale, rule.reach, scale)
    if not queries:
        statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
        return metric_api.of_metric(alarm, statistic, period, window, alarm.get("Unit"))
    periods = {int(query["MetricStat"]["Period"]) for query in queries if query.get("MetricStat")}
    if periods - {period}:
        raise Unsupported("all metrics of an alarm's expression have to have the same period")
    found = metric_api.of_queries(queries, {period: window}, period)
    return found[next(query["Id"] for query in queries if query.get("ReturnData", True))]
