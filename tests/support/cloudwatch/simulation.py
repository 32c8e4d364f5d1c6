"""The clock of a simulation: minute by minute what happens, what is evaluated, who is notified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from tests.support.cloudwatch.alarms import CompositeAlarm, MetricAlarm, composite_alarm, metric_alarm
from tests.support.cloudwatch.metrics import Metrics
from tests.support.mocks import Recording, outputs_of, roll_out, run_layer

METRIC, COMPOSITE = "cloudwatch/metricAlarm:MetricAlarm", "cloudwatch/compositeAlarm:CompositeAlarm"


@dataclass(frozen=True)
class Notification:
    """A notification: the minute, the topic's severity, the alarm without kind and suffix, its new state."""

    minute: int
    severity: str
    alarm: str
    state: str = "ALARM"


class Simulation:
    """The alarms of a registered layer and the metrics they look at.

    It begins with every alarm in the state OK. `delay` is how many minutes after its end a minute can be read, `others`
    the same for single namespaces. `spare` datapoints are looked at beyond the evaluation periods: two in the examples
    of the user guide, which states that the number varies.
    """

    def __init__(
        self, layer: Recording, *, delay: int, spare: int = 2, others: Mapping[str, int] | None = None
    ) -> None:
        self.metrics = Metrics(delay, others)
        self.notifications: list[Notification] = []
        self._single = [metric_alarm(item.inputs, self.metrics, spare) for item in layer.of(METRIC)]
        self._composite = [composite_alarm(item.inputs) for item in layer.of(COMPOSITE)]

    def run(self, minutes: int, happen: Callable[[Metrics, int], None], *, made: int = 0) -> list[Notification]:
        """Let so many minutes pass; `happen` puts the metrics of each. The alarms are made in the minute `made`."""
        for minute in range(minutes):
            happen(self.metrics, minute)
            if minute >= made:
                self._evaluate(minute + 1)
        return self.notifications

    def states(self) -> Mapping[str, str]:
        """Return the state of each alarm by its name."""
        return {alarm.name: alarm.state for alarm in (*self._single, *self._composite)}

    def _evaluate(self, now: int) -> None:
        for alarm in self._single:
            if alarm.due(now):
                self._change(alarm, alarm.evaluate(now), now)
        states = {alarm.name: alarm.state for alarm in (*self._single, *self._composite)}
        # A composite alarm may be over others: as many rounds as there are of them settle all.
        for _ in self._composite:
            for alarm in self._composite:
                alarmed = any(states[child] == "ALARM" for child in alarm.children)
                self._change(alarm, "ALARM" if alarmed else "OK", now)
                states[alarm.name] = alarm.state

    def _change(self, alarm: MetricAlarm | CompositeAlarm, state: str, now: int) -> None:
        if state == alarm.state:
            return
        alarm.state = state
        for topic in alarm.actions.get(state, ()):
            severity = topic.rpartition(":topic-")[2].partition("-")[0]
            name = alarm.name.removeprefix("alarm-").removesuffix("-dev")
            self.notifications.append(Notification(now, severity, name, state))


@cache
def registered(level: str = "standard", **configured: str) -> Recording:
    """Return the observability layer as it is registered with a level and further configuration."""
    if not configured and level == "standard":
        return roll_out("observability")["observability"]
    upstream = {name: outputs_of(name) for name in ("foundation", "data", "compute")}
    config = {f"observability:{key}": value for key, value in {"alarmLevel": level, **configured}.items()}
    return run_layer("observability", config=config, upstream=upstream)
