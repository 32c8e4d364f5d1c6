"""All alarms of an environment: the sets of its resources, and the composite alarms over them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from foundation.naming import Names, Tags
from observability.alarm_set import AlarmSet, AlarmSetArgs
from observability.alarm_spec import Key, Symptom
from observability.alarms import AlarmSets
from observability.config import Severity
from observability.symptoms import SYMPTOMS, SymptomAlarms, SymptomAlarmsArgs


@dataclass(frozen=True, kw_only=True)
class EstateAlarmsArgs:
    """Alarm specifications, names and tags of the environment, topics by severity, begin of links."""

    specs: AlarmSets
    names: Names
    tags: Tags
    topics: Mapping[Severity, pulumi.Output[str]]
    runbooks: str


@dataclass(frozen=True, kw_only=True)
class EstateAlarms:
    """Names of all alarms; ARNs of those that page and of the others, composite ones first."""

    names: Sequence[pulumi.Output[str]]
    page_arns: Sequence[pulumi.Output[str]]
    other_arns: Sequence[pulumi.Output[str]]


def build_alarms(args: EstateAlarmsArgs) -> EstateAlarms:
    """Register all alarms."""
    sets = {key: _alarm_set(key, args) for key in args.specs}
    single = [
        (spec, name, arn)
        for key, specs in args.specs.items()
        for spec, name, arn in zip(specs, sets[key].alarm_names, sets[key].alarm_arns, strict=True)
    ]
    shown_by: defaultdict[Symptom, list[pulumi.Output[str]]] = defaultdict(list)
    for spec, name, _ in single:
        if spec.symptom:
            shown_by[spec.symptom].append(name)
    symptoms_args = SymptomAlarmsArgs(
        shown_by=shown_by,
        names=args.names,
        topics=args.topics,
        runbooks=args.runbooks,
        tags=args.tags.of("observability", "alerts"),
    )
    symptoms = SymptomAlarms("estate", symptoms_args)
    by_severity = [(SYMPTOMS[symptom].severity, arn) for symptom, arn in symptoms.arns.items()]
    by_severity += [("ticket" if spec.symptom else spec.severity, arn) for spec, _, arn in single]
    return EstateAlarms(
        names=[*symptoms.alarm_names, *(name for _, name, _ in single)],
        page_arns=[arn for severity, arn in by_severity if severity == "page"],
        other_arns=[arn for severity, arn in by_severity if severity != "page"],
    )


def _alarm_set(key: Key, args: EstateAlarmsArgs) -> AlarmSet:
    set_args = AlarmSetArgs(
        specs=args.specs[key],
        names=args.names,
        topics=args.topics,
        runbooks=args.runbooks,
        tags=args.tags.of("observability", key.name),
    )
    return AlarmSet(f"{key.kind}-{key.name}", set_args)
