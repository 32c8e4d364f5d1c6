"""Rows of the alarm tables: one alarm type each, for every resource of a kind that it applies to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from foundation.model import Catalog
from foundation.naming import Names
from observability.alarm_spec import AlarmSpec, Comparison, Key, MissingData, Symptom
from observability.config import Level, ObservabilityConfig, Severity
from observability.metrics import Metric, Metrics

R = TypeVar("R")
V = TypeVar("V")


@dataclass(frozen=True, kw_only=True)
class Estate:
    """Catalog, names and configuration of all layers, as far as alarms and dashboard depend on them.

    `memory_mb` is by function; `target_percent` is the target utilization of provisioned concurrency, 0 for none.
    """

    catalog: Catalog
    names: Names
    thresholds: ObservabilityConfig
    memory_mb: Mapping[str, int]
    target_percent: int
    on_demand: bool

    @property
    def metrics(self) -> Metrics:
        """The metrics of the environment's resources."""
        return Metrics(self.names)


@dataclass(frozen=True, kw_only=True)
class Watched(Generic[R]):
    """A resource of the catalog, and the estate that its alarms depend on."""

    key: Key
    resource: R
    estate: Estate

    @property
    def catalog(self) -> Catalog:
        """The catalog that has the resource."""
        return self.estate.catalog

    @property
    def thresholds(self) -> ObservabilityConfig:
        """The configured thresholds."""
        return self.estate.thresholds

    @property
    def metrics(self) -> Metrics:
        """The metrics of the environment's resources."""
        return self.estate.metrics


@dataclass(frozen=True, kw_only=True)
class AlarmDefinition(Generic[R]):
    """One alarm type. A field that differs between resources is a function of the resource.

    `summary`, `remediation` and `rule` are format strings over `resource`, `thresholds` and `values`. `applies`
    restricts it to some resources of the kind.
    """

    alarm_type: str
    summary: str
    remediation: str
    rule: str
    metrics: Callable[[Watched[R]], tuple[Metric, ...]]
    threshold: float | Callable[[Watched[R]], float]
    missing_data: MissingData
    level: Level | Callable[[Watched[R]], Level] = "standard"
    severity: Severity | Callable[[Watched[R]], Severity] = "ticket"
    symptom: Symptom | Callable[[Watched[R]], Symptom | None] | None = None
    expression: str | Callable[[Watched[R]], str | None] | None = None
    comparison: Comparison = "GreaterThanThreshold"
    period_seconds: int | Callable[[Watched[R]], int] = 60
    periods: int | Callable[[Watched[R]], int] = 1
    datapoints: int | Callable[[Watched[R]], int] = 1
    applies: Callable[[Watched[R]], bool] = lambda _: True
    values: Callable[[Watched[R]], dict[str, Any]] = lambda _: {}


def specifications(watched: Watched[R], definitions: Iterable[AlarmDefinition[R]]) -> tuple[AlarmSpec, ...]:
    """Return the alarms of a resource, one for each definition that applies to it."""
    return tuple(_specification(watched, row) for row in definitions if row.applies(watched))


def _specification(watched: Watched[R], row: AlarmDefinition[R]) -> AlarmSpec:
    words = {"resource": watched.resource, "thresholds": watched.thresholds, **row.values(watched)}
    return AlarmSpec(
        key=watched.key,
        alarm_type=row.alarm_type,
        summary=row.summary.format(**words),
        remediation=row.remediation.format(**words),
        rule=row.rule.format(**words),
        metrics=row.metrics(watched),
        threshold=_of(row.threshold, watched),
        missing_data=row.missing_data,
        level=_of(row.level, watched),
        severity=_of(row.severity, watched),
        symptom=_of(row.symptom, watched),
        expression=_of(row.expression, watched),
        comparison=row.comparison,
        period_seconds=_of(row.period_seconds, watched),
        periods=_of(row.periods, watched),
        datapoints=_of(row.datapoints, watched),
    )


def _of(value: V | Callable[[Watched[R]], V], watched: Watched[R]) -> V:
    return cast("V", value(watched)) if callable(value) else value
