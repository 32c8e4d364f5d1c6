"""All alarms of an environment: the sets of its resources, and over them the composite alarms that page."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from foundation.outputs import FoundationOutputs
from observability.alarm_set import AlarmSet, AlarmSetArgs
from observability.alarm_spec import Deployed, Symptom
from observability.alarms import AlarmSets
from observability.config import Severity
from observability.metrics import Reference
from observability.physical import PhysicalNames
from observability.symptoms import SymptomAlarms, SymptomAlarmsArgs


@dataclass(frozen=True, kw_only=True)
class EstateAlarmsArgs:
    """The specifications, what they are about under which names, the topics by severity; `runbooks` begins links."""

    specs: AlarmSets
    foundation: FoundationOutputs
    physical: PhysicalNames
    deployed: Mapping[Reference, pulumi.Output[Deployed]]
    topics: Mapping[Severity, pulumi.Output[str]]
    runbooks: str


def build_alarms(args: EstateAlarmsArgs) -> list[SymptomAlarms | AlarmSet]:
    """Registers all alarms; the composite ones come first in the result."""
    sets = {subject: _alarm_set(subject, args) for subject in args.specs}
    shown_by: defaultdict[Symptom, list[pulumi.Output[str]]] = defaultdict(list)
    for subject, specs in args.specs.items():
        for spec, name in zip(specs, sets[subject].alarm_names, strict=True):
            if spec.symptom:
                shown_by[spec.symptom].append(name)
    symptoms_args = SymptomAlarmsArgs(
        shown_by=shown_by,
        names=args.foundation.names(),
        topic_arn=args.topics["page"],
        runbooks=args.runbooks,
        tags=args.foundation.tags("observability", "alerts"),
    )
    return [SymptomAlarms("estate", symptoms_args), *sets.values()]


def _alarm_set(subject: Reference, args: EstateAlarmsArgs) -> AlarmSet:
    set_args = AlarmSetArgs(
        specs=args.specs[subject],
        names=args.foundation.names(),
        physical=args.physical,
        deployed=args.deployed[subject],
        topic_arn=args.topics["ticket"],
        runbooks=args.runbooks,
        tags=args.foundation.tags("observability", subject.purpose),
    )
    return AlarmSet(f"{subject.kind}-{subject.purpose}", set_args)
