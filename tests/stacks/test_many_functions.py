"""All layers with a hundred functions: below every quota of CloudWatch and Logs, and every guardrail kept."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from estate_tool.deployer_policy.document import managed, policy, size
from estate_tool.engine.dry_run import AccountContext, Planned
from foundation.guardrails.policies import RULES
from foundation.naming import MAX_NAME
from observability.quotas import check_dashboard
from tests.support.checkers import ask
from tests.support.cloudformation import template
from tests.support.guardrails import registered, violations
from tests.support.many import in_place, many, roll_out_many
from tests.support.mocks import Recording, Registration

FUNCTIONS = 100
SUFFIX = "a-0123456789-xyz"
COMPOSITE = "cloudwatch/compositeAlarm:CompositeAlarm"


@pytest.fixture(scope="module")
def layers() -> dict[str, Recording]:
    return roll_out_many(FUNCTIONS, SUFFIX)


@pytest.fixture(scope="module")
def dashboard(layers: dict[str, Recording]) -> list[dict[str, Any]]:
    (made,) = layers["observability"].of("cloudwatch/dashboard:Dashboard")
    widgets: list[dict[str, Any]] = json.loads(made.inputs["dashboardBody"])["widgets"]
    return widgets


def named(alarm: Registration) -> list[str]:
    return re.findall(r'ALARM\("([^"]+)"\)', alarm.inputs["alarmRule"])


def test_there_are_as_many_functions_with_the_longest_names(layers: dict[str, Recording]) -> None:
    assert len(layers["compute"].of("lambda/function:Function")) == FUNCTIONS
    assert max(len(function.name) for function in many(FUNCTIONS).functions) == MAX_NAME


def test_a_composite_alarm_names_a_hundred_others_at_most_and_all_are_under_one_that_notifies(
    layers: dict[str, Recording],
) -> None:
    composites = {alarm.inputs["alarmName"]: alarm for alarm in layers["observability"].of(COMPOSITE)}
    assert max(len(named(alarm)) for alarm in composites.values()) == 100
    assert all(len(alarm.inputs["alarmRule"]) <= 10_240 for alarm in composites.values())
    top = [alarm for alarm in composites.values() if alarm.inputs.get("alarmActions")]
    below = [name for alarm in top for name in named(alarm)]
    parts = [name for name in below if name in composites]
    assert set(parts) == {name for name, alarm in composites.items() if not alarm.inputs.get("alarmActions")}
    leaves = Counter([name for name in below if name not in composites])
    leaves.update(name for part in parts for name in named(composites[part]))
    # Depth and expiry, or what stands for them, of each dead-letter queue are among them: once each.
    assert len(leaves) > FUNCTIONS
    assert set(leaves.values()) == {1}


def test_the_parts_of_a_composite_alarm_come_after_what_they_name(layers: dict[str, Recording]) -> None:
    urns = {
        item.inputs.get("alarmName") or item.inputs["name"]: item.urn
        for item in layers["observability"].resources
        if item.type.endswith("Alarm")
    }
    for composite in layers["observability"].of(COMPOSITE):
        assert {urns[name] for name in named(composite)} <= composite.dependencies


def test_a_saved_query_names_fifty_log_groups_at_most_and_together_they_name_all(layers: dict[str, Recording]) -> None:
    queries = layers["observability"].of("cloudwatch/queryDefinition:QueryDefinition")
    assert max(len(query.inputs["logGroupNames"]) for query in queries) == 50
    by_text: dict[str, list[str]] = {}
    for query in queries:
        by_text.setdefault(query.inputs["queryString"], []).extend(query.inputs["logGroupNames"])
    groups = sorted(group.inputs["name"] for group in layers["compute"].of("cloudwatch/logGroup:LogGroup"))
    assert all(sorted(asked) == groups for asked in by_text.values())
    names = [query.inputs["name"] for query in queries]
    assert len(set(names)) == len(names)


def test_the_dashboard_is_one_that_cloudwatch_takes(dashboard: list[dict[str, Any]]) -> None:
    metrics = [len(widget["properties"].get("metrics", [])) for widget in dashboard]
    assert len(dashboard) <= 500
    assert max(metrics) <= 500
    assert FUNCTIONS * 10 < sum(metrics) <= 2_500
    shown = [widget["properties"]["alarms"] for widget in dashboard if widget["type"] == "alarm"]
    assert max(map(len, shown)) == 100
    labels = [
        limit["label"]
        for widget in dashboard
        for limit in widget["properties"].get("annotations", {}).get("horizontal", [])
    ]
    assert max(map(len, labels)) <= 120


@pytest.mark.parametrize(
    ("widgets", "number"), [([1] * 501, 501), ([501], 501), ([400] * 7, 2_800)], ids=["widgets", "one widget", "all"]
)
def test_a_dashboard_beyond_a_quota_is_refused_with_the_number(widgets: list[int], number: int) -> None:
    with pytest.raises(ValueError, match=f"{number} "):
        check_dashboard([{"properties": {"metrics": [0] * count}} for count in widgets])


def test_a_deployers_policy_fits_managed_ones_and_does_not_grow_with_the_number_of_functions(
    layers: dict[str, Recording],
) -> None:
    few = policies(roll_out_many(FUNCTIONS // 10, SUFFIX))
    for name, document in policies(layers).items():
        parts = managed(document)
        assert all(size(part) <= 6_144 for part in parts), name
        assert len(parts) <= 2, name
        allowed = [each for part in parts for each in part["Statement"][:-1]]
        assert (allowed, {json.dumps(part["Statement"][-1]) for part in parts}) == (
            document["Statement"][:-1], {json.dumps(document["Statement"][-1])},
        )  # fmt: skip
        assert document == few[name]


def policies(layers: dict[str, Recording]) -> dict[str, dict[str, Any]]:
    """The deployer's policy of each layer, and of all."""
    account = AccountContext(account="123456789012", region="us-east-1")
    made = [
        Planned(layer=name, type=item.type, name=item.name, inputs=item.inputs)
        for name, recording in layers.items()
        for item in recording.resources
    ]
    each = {name: policy([item for item in made if item.layer == name], account, SUFFIX) for name in layers}
    return {**each, "all": policy(made, account, SUFFIX)}


@pytest.mark.parametrize("layer", ["foundation", "data", "compute", "observability"])
def test_every_guardrail_is_kept(layers: dict[str, Recording], layer: str) -> None:
    seen = registered(layer, layers[layer])
    with in_place(many(FUNCTIONS)):
        assert {rule.name: found for rule in RULES if (found := violations(rule.name, seen))} == {}


def test_cfn_lint_finds_nothing(layers: dict[str, Recording]) -> None:
    # A template holds 500 resources at most: each type is judged once, by the one with most to say.
    largest: dict[str, Registration] = {}
    for recording in layers.values():
        for item in recording.resources:
            size = len(json.dumps(dict(item.inputs), default=str))
            if item.type not in largest or size > len(json.dumps(dict(largest[item.type].inputs), default=str)):
                largest[item.type] = item
    functions = {item.name: item for item in layers["compute"].of("lambda/function:Function")[:1]}
    judged = [item for item in largest.values() if not item.type.endswith((":Function", ":Alias"))]
    assert ask("lint_templates.py", {"many": template([*judged, *functions.values()])}) == []
