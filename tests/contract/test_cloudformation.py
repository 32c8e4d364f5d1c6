"""cfn-lint's opinion of every resource of every layer, and of the same resources with faults planted in them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.support.checkers import ask
from tests.support.cloudformation import identifier, template
from tests.support.mocks import Registration, everything
from tests.support.planted import FAULTS, Fault

ESTATE = "estate"


def resources() -> dict[str, Registration]:
    """All resources of the layers, by logical name."""
    return everything()


def rounds() -> list[list[Fault]]:
    """The faults in groups with at most one of each resource: a template names each resource once."""
    by_resource: defaultdict[str, list[Fault]] = defaultdict(list)
    for fault in FAULTS:
        by_resource[fault.resource].append(fault)
    longest = max(len(faults) for faults in by_resource.values())
    return [[faults[number] for faults in by_resource.values() if number < len(faults)] for number in range(longest)]


def faulty(faults: list[Fault]) -> dict[str, Any]:
    """A template of the resources that have a fault, and the functions that others refer to."""
    known = resources()
    planted = {fault.resource: fault.planted(known[fault.resource]) for fault in faults}
    functions = {name: item for name, item in known.items() if item.type.endswith(":Function")}
    return template((functions | planted).values())


@pytest.fixture(scope="module")
def findings() -> dict[str, list[dict[str, str]]]:
    """Findings of cfn-lint for each template: the estate's, and those with planted faults by round."""
    with_faults = {str(number): faulty(faults) for number, faults in enumerate(rounds())}
    answer: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for item in ask("lint_templates.py", {ESTATE: template(resources().values()), **with_faults}):
        answer[item["template"]].append(item)
    return answer


def test_cfn_lint_finds_nothing_in_the_estate(findings: dict[str, list[dict[str, str]]]) -> None:
    assert findings[ESTATE] == []


def test_every_resource_is_in_the_template() -> None:
    known = template(resources().values())["Resources"]
    inside = {"RedriveAllowPolicy", "ScheduledAction", "ProvisionedConcurrencyConfig"}
    own = {identifier(item) for item in resources().values() if item.type.rpartition(":")[2] not in inside}
    assert own <= set(known)
    properties = [name for resource in known.values() for name in resource["Properties"]]
    assert {"RedriveAllowPolicy", "ScheduledActions", "ProvisionedConcurrencyConfig"} <= set(properties)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_cfn_lint_finds_the_fault_where_it_was_planted(findings: dict[str, list[dict[str, str]]], fault: Fault) -> None:
    number = next(str(number) for number, faults in enumerate(rounds()) if fault in faults)
    planted = identifier(resources()[fault.resource])
    assert [item for item in findings[number] if item["path"].split("/")[1] == planted]
