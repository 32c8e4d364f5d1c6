"""Tables of docs/alarms.md, which `python -m tests.support.alarm_table` writes anew, and the snapshot of the alarms."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from observability.alarm_spec import AlarmSpec, Key
from observability.alarms import estate_alarms
from observability.config import LEVELS, Level
from observability.metrics import OWN_NAMESPACE, Metric
from tests.support.cloudwatch.incidents import BEGIN as BEGIN_MINUTE
from tests.support.cloudwatch.incidents import INCIDENTS, Incident, simulate
from tests.support.cloudwatch.simulation import COMPOSITE, METRIC, registered
from tests.support.declarations import SWEEP, with_function
from tests.support.watching import estate

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "alarms.md"
BEGIN, END = "<!-- generated: alarms -->\n", "<!-- end -->\n"
HEAD = (
    "| on | alarm | metrics | in ALARM at | when | no data | notifies as | level |\n|---|---|---|---|---|---|---|---|\n"
)
PRICES = "| `observability:alarmLevel` | alarms | their metrics | composite alarms | a month |\n|---|---|---|---|---|\n"
CAUSES = "<!-- generated: causes -->\n"
CAUSES_HEAD = "| cause | pages (after) | tickets (after) |\n|---|---|---|\n"
# Minutes from the end of a minute until its points can be read: the least and the most.
DELAYS = (1, 3)
ESTATE = estate()
# A month in us-east-1 ("Amazon CloudWatch pricing"): a metric of an alarm, a composite alarm.
ALARM_METRIC, COMPOSITE_ALARM = 0.10, 0.50
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def snapshot() -> dict[str, dict[str, Any]]:
    """Return what each alarm of the highest level is, as it is registered with CloudWatch, by its name."""
    first_level = {
        f"alarm-{spec.logical_name}-dev": level
        for level in reversed(LEVELS)
        for specs in estate_alarms(ESTATE, level).values()
        for spec in specs
    }
    layer = registered("all")
    found = {
        str(item.inputs["name"]): {"level": first_level[item.inputs["name"]], **_registered(item.inputs)}
        for item in layer.of(METRIC)
    }
    for item in layer.of(COMPOSITE):
        children = sorted(re.findall(r'ALARM\("([^"]+)"\)', item.inputs["alarmRule"]))
        found[item.inputs["alarmName"]] = {"any of": children, **_notified(item.inputs)}
    return found


def _registered(inputs: Mapping[str, Any]) -> dict[str, Any]:
    queries = [query for query in inputs.get("metricQueries", ()) if "metric" in query]
    metrics = [query["metric"] for query in queries] or [inputs]
    period = _period(int(metrics[0]["period"]))
    return {
        "metrics": [_measured(metric) for metric in metrics],
        "expression": next((one["expression"] for one in inputs.get("metricQueries", ()) if "expression" in one), None),
        "threshold": f"{inputs['comparisonOperator']} {inputs['threshold']:g}",
        "when": f"{inputs['datapointsToAlarm']:g} of {inputs['evaluationPeriods']:g} × {period}",
        "missing data": inputs["treatMissingData"],
        **_notified(inputs),
    }


def _measured(metric: Mapping[str, Any]) -> str:
    statistic = metric.get("stat") or metric.get("statistic") or metric["extendedStatistic"]
    of = ", ".join(str(value) for _, value in sorted((metric.get("dimensions") or {}).items()))
    return f"{statistic} {metric['metricName']}" + (f" of {of}" if of else "")


def _notified(inputs: Mapping[str, Any]) -> dict[str, str]:
    keys = (("notifies", "alarmActions"), ("notifies of OK", "okActions"))
    return {word: inputs[key][0].rpartition(":")[2] for word, key in keys if inputs.get(key)}


def generated() -> str:
    """Return what stands between the markers: a row per alarm type, and the price of each level."""
    by_level = {level: _specs(level) for level in LEVELS}
    kinds: dict[tuple[str, str], list[AlarmSpec]] = {}
    # The catalog need not have a schedule; its alarms are documented all the same.
    scheduled = estate_alarms(estate(with_function(SWEEP)), "all")[Key("schedule", SWEEP.name)]
    for spec in (*by_level["all"], *scheduled):
        kinds.setdefault((spec.key.kind, spec.alarm_type), []).append(spec)
    rows = [_row(alike) for _, alike in sorted(kinds.items())]
    levels = "".join(_price(level, specs) for level, specs in by_level.items())
    return f"{BEGIN}{HEAD}{''.join(rows)}\n{PRICES}{levels}{END}"


def _specs(level: Level) -> list[AlarmSpec]:
    return [spec for specs in estate_alarms(ESTATE, level).values() for spec in specs]


def _price(level: Level, specs: list[AlarmSpec]) -> str:
    metrics = sum(len(spec.metrics) for spec in specs)
    composites = len({spec.symptom for spec in specs if spec.symptom})
    dollars = metrics * ALARM_METRIC + composites * COMPOSITE_ALARM
    return f"| {level} | {len(specs)} | {metrics} | {composites} | {dollars:.2f} $ |\n"


def _row(alike: list[AlarmSpec]) -> str:
    spec = alike[0]
    metrics = _distinct(_metric(metric) for each in alike for metric in each.metrics)
    when = _distinct(f"{each.datapoints} of {each.periods} × {_period(each.period_seconds)}" for each in alike)
    cells = (
        {"dlq": "dead-letter queue"}.get(spec.key.kind, spec.key.kind),
        f"[{spec.alarm_type}](runbooks/{spec.runbook})",
        metrics,
        spec.rule,
        when,
        spec.missing_data,
        _distinct(each.symptom or each.severity for each in alike),
        _distinct(each.level for each in alike),
    )
    return f"| {' | '.join(cells)} |\n"


def _metric(metric: Metric) -> str:
    return metric.name if metric.namespace != OWN_NAMESPACE else f"{metric.name.rsplit('-', 2)[0]}-…"


def _period(seconds: int) -> str:
    unit, word = next((unit, word) for unit, word in UNITS if seconds % unit == 0)
    return f"{seconds // unit} {word}"


def _distinct(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def causes() -> str:
    """Return the table of causes: the notifications of each, as the simulation has them."""
    rows = [_cause(incident) for incident in INCIDENTS if incident.cause]
    return f"{CAUSES}{CAUSES_HEAD}{''.join(rows)}{END}"


def _cause(incident: Incident) -> str:
    """A row: alarms in the order in which they notify, with the minutes after the cause at the shortest and longest."""
    minutes: dict[tuple[str, str], list[int]] = {}
    for delay in DELAYS:
        for one in simulate(incident, delay):
            minutes.setdefault((one.severity, one.alarm), []).append(one.minute - BEGIN_MINUTE)
    cells = {"page": list[str](), "ticket": list[str]()}
    for (severity, alarm), after in minutes.items():
        low, high = min(after), max(after)
        cells[severity].append(f"{alarm} ({low})" if low == high else f"{alarm} ({low}-{high})")
    return f"| {incident.title} | {', '.join(cells['page']) or '–'} | {', '.join(cells['ticket']) or '–'} |\n"


def write() -> None:
    """Write the tables into the document."""
    for begin, text in ((BEGIN, generated()), (CAUSES, causes())):
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(begin)
        DOCUMENT.write_text(before + text + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    write()
