"""The table of alarms in docs/alarms.md; `python -m tests.support.alarm_table` writes it anew."""

from collections.abc import Iterable
from pathlib import Path

from foundation.catalog import CATALOG
from observability.alarm_spec import AlarmSpec
from observability.alarms import estate_alarms
from observability.config import parse
from observability.metrics import Reference
from observability.symptoms import SYMPTOMS

DOCUMENT = Path(__file__).parents[2] / "docs" / "alarms.md"
BEGIN, END = "<!-- generated: alarms -->\n", "<!-- end -->\n"
HEAD = "| on | alarm | metric | goes off at | when | no data | pages as |\n|---|---|---|---|---|---|---|\n"
# A month in us-east-1 ("Amazon CloudWatch pricing"): a metric of an alarm, a composite alarm, a metric of our own.
ALARM_METRIC, COMPOSITE, CUSTOM_METRIC = 0.10, 0.50, 0.30


def generated() -> str:
    """What stands between the markers: a row per kind of alarm, and what all of them cost."""
    specs = [spec for specs in estate_alarms(CATALOG, parse({}, stack="dev").thresholds).values() for spec in specs]
    kinds: dict[tuple[str, str], list[AlarmSpec]] = {}
    for spec in specs:
        kinds.setdefault((spec.subject.kind, spec.word), []).append(spec)
    rows = [_row(alike) for _, alike in sorted(kinds.items())]
    metrics, own = sum(len(spec.metrics) for spec in specs), len(CATALOG.functions)
    dollars = metrics * ALARM_METRIC + len(SYMPTOMS) * COMPOSITE + own * CUSTOM_METRIC
    count = (
        f"{len(specs)} alarms on {metrics} metrics, {len(SYMPTOMS)} composite alarms and {own} metrics of our own: "
        f"about {dollars:.2f} $ a month for each environment.\n"
    )
    return f"{BEGIN}{HEAD}{''.join(rows)}\n{count}{END}"


def _row(alike: list[AlarmSpec]) -> str:
    spec = alike[0]
    metrics = _distinct(_metric(metric.name) for each in alike for metric in each.metrics)
    when = _distinct(f"{each.datapoints} of {each.periods} × {_period(each.period_seconds)}" for each in alike)
    symptoms = _distinct(each.symptom for each in alike if each.symptom)
    # On functions, what makes queries slow is of the critical ones alone.
    symptoms += "" if not symptoms or all(each.symptom for each in alike) else " (critical functions)"
    cells = (
        {"dlq": "failure queue"}.get(spec.subject.kind, spec.subject.kind), f"[{spec.word}](runbooks/{spec.runbook})",
        metrics, spec.rule, when, spec.silence.treatment, symptoms,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _metric(name: Reference | str) -> str:
    return name if isinstance(name, str) else f"{name.kind}-…"


def _period(seconds: int) -> str:
    return f"{seconds // 86_400} d" if seconds >= 86_400 else f"{seconds // 60} min"


def _distinct(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


if __name__ == "__main__":
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    DOCUMENT.write_text(before + generated() + rest.partition(END)[2], encoding="utf-8")
