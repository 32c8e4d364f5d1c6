"""Drift: the engine's events as differences, and their classes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from estate_tool.core.errors import Failed
from estate_tool.core.resource_types.model import COST, SECURITY
from estate_tool.drift import detect
from estate_tool.drift.detect import EXPECTED, OTHER, classify
from estate_tool.engine.events import UNKNOWN
from tests.support.drifted import PROVISIONED, STATE, TABLE, TARGET, FakeEngine, step, urn


@pytest.mark.parametrize(
    ("kind", "name", "path", "actual", "expected"),
    [
        (TABLE, "events", "readCapacity", 50, EXPECTED),
        (TABLE, "events", "readCapacity", 51, COST),
        (TABLE, "events", "writeCapacity", 6, COST),  # nothing scales it here
        (TABLE, "pages", "readCapacity", 6, COST),
        (PROVISIONED, "provisioned", "provisionedConcurrentExecutions", 1, EXPECTED),
        (PROVISIONED, "provisioned", "provisionedConcurrentExecutions", 6, COST),
        (PROVISIONED, "provisioned", "", None, COST),
        (TARGET, "provisioned-target", "minCapacity", 3, EXPECTED),
        (TARGET, "provisioned-target", "minCapacity", 4, COST),
        (TARGET, "provisioned-target", "maxCapacity", 3, COST),
        (TABLE, "events", "tags.Owner", None, OTHER),
        (TARGET, "reads", 'tags["Cost Center"]', None, OTHER),
        (TABLE, "events", "billingMode", "PAY_PER_REQUEST", COST),
        (TABLE, "events", "", None, OTHER),
        (TABLE, "events", "serverSideEncryption.enabled", False, SECURITY),
        ("aws:lambda/function:Function", "f", "memorySize", 3008, COST),
        ("aws:lambda/function:Function", "f", "role", "arn", SECURITY),
        ("aws:lambda/function:Function", "f", 'environment.variables["A"]', "b", OTHER),
        ("aws:cloudwatch/logGroup:LogGroup", "g", "retentionInDays", 365, COST),
        ("aws:iam/rolePolicy:RolePolicy", "p", "policy.Statement[0].Action", "sqs:*", SECURITY),
        ("aws:iam/rolePolicy:RolePolicy", "p", "", None, SECURITY),
        ("aws:iam/role:Role", "r", "assumeRolePolicy", "{}", SECURITY),
        ("aws:sns/topicPolicy:TopicPolicy", "p", "policy", "{}", SECURITY),
        ("aws:sqs/queue:Queue", "q", "", None, OTHER),
        ("aws:sqs/queue:Queue", "q", "sqsManagedSseEnabled", False, SECURITY),
        ("aws:sqs/queue:Queue", "q", "messageRetentionSeconds", 1209600, COST),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "a", "actionsEnabled", False, OTHER),
    ],
)
def test_drift_is_classed_by_what_it_means(kind: str, name: str, path: str, actual: Any, expected: str) -> None:
    assert classify(urn(kind, name), path, actual, STATE) == expected


def found(estate: Any, *steps: dict[str, Any]) -> list[tuple[str, str, Any, Any, str]]:
    engine: Any = FakeEngine(*steps)
    drifted = detect.find(engine, estate, ("foundation", "data", "compute", "observability"))
    return [(one.resource, one.path, one.expected, one.actual, one.kind) for one in drifted]


def test_each_property_is_reported_with_its_path_and_both_values(empty_estate: Any) -> None:
    old = {"environment": {"variables": {"a.b": "1"}}, "attributes": [{"type": "S"}]}
    new = {"environment": {"variables": {"a.b": "2"}}, "attributes": [{"type": "N"}]}
    differences = found(empty_estate, step(TABLE, "f", old, new, 'environment.variables["a.b"]', "attributes[0].type"))
    assert differences == [
        ("f", "attributes[0].type", "S", "N", OTHER),
        ("f", 'environment.variables["a.b"]', "1", "2", OTHER),
    ]


def test_a_policy_is_looked_into(empty_estate: Any) -> None:
    before = {"Statement": [{"Sid": "A", "Action": "sqs:SendMessage"}]}
    after = {"Statement": [{"Sid": "A", "Action": "sqs:*"}, {"Sid": "B"}]}
    kind = "aws:iam/rolePolicy:RolePolicy"
    differences = found(
        empty_estate, step(kind, "p", {"policy": json.dumps(before)}, {"policy": json.dumps(after)}, "policy")
    )
    assert differences == [
        ("p", "policy.Statement[0].Action", "sqs:SendMessage", "sqs:*", SECURITY),
        ("p", "policy.Statement[1]", None, {"Sid": "B"}, SECURITY),
    ]


def test_a_tag_is_reported_once_and_what_only_aws_computes_not_at_all(empty_estate: Any) -> None:
    tagged = {"tags": {"Owner": "me"}, "tagsAll": {"Owner": "me"}}
    bare = {"tags": {}, "tagsAll": {}}
    differences = found(
        empty_estate,
        step(TABLE, "events", tagged, bare, "tags.Owner", "tagsAll.Owner"),
        step(TABLE, "pages", {"lastModified": 1}, {"lastModified": 2}),
    )
    assert differences == [("events", "tags.Owner", "me", None, OTHER)]


def test_a_resource_that_is_gone_is_reported(empty_estate: Any) -> None:
    assert found(empty_estate, step("aws:sqs/queue:Queue", "q", {}, None)) == [("q", "", "the-id", None, OTHER)]


def test_nothing_deployed_and_a_comparison_that_fails_are_errors(empty_estate: Any) -> None:
    nothing: Any = FakeEngine(resources=0)
    with pytest.raises(Failed, match="nothing of environment dev is deployed"):
        detect.find(nothing, empty_estate, ("data",))
    broken: Any = FakeEngine(diagnostic="no answer")
    with pytest.raises(Failed, match="layer data can't be compared with AWS: no answer"):
        detect.find(broken, empty_estate, ("data",))


def test_an_unfinished_repair_is_reported_although_the_state_equals_aws(empty_estate: Any) -> None:
    engine: Any = FakeEngine(step(TABLE, "pages", {"readCapacity": 1}, {"readCapacity": 9}, "readCapacity"))
    kind, other = "aws:lambda/function:Function", "aws:sqs/queue:Queue"
    engine.foreseen = [
        {
            "op": "update", "urn": urn(kind, "f"), "type": kind, "detailedDiff": {"memorySize": {}, "version": {}},
            "old": {"outputs": {"memorySize": 3008, "version": "1"}, "inputs": {"memorySize": 3008}},
            "new": {"inputs": {"memorySize": 512}, "outputs": {"version": UNKNOWN}},
        },
        {"op": "create", "urn": urn(other, "q"), "type": other, "new": {"inputs": {"name": "queue-q-dev"}}},
        {"op": "delete", "urn": urn(other, "old"), "type": other, "old": {"id": "url"}},
        {"op": "same", "urn": urn(other, "same"), "type": other, "old": {}, "new": {}},
        {"op": "create", "urn": urn("estate:data:Some", "s"), "type": "estate:data:Some", "new": {}},
    ]  # fmt: skip
    drifted = detect.find(engine, empty_estate, ("data",))
    assert {(one.resource, one.path, one.expected, one.actual) for one in drifted} == {
        ("pages", "readCapacity", 1, 9), ("f", "memorySize", 512, 3008), ("q", "", "queue-q-dev", None),
        ("old", "", None, "url"),
    }  # fmt: skip


def test_a_difference_that_both_comparison_and_preview_find_is_reported_once(empty_estate: Any) -> None:
    engine: Any = FakeEngine(step(TABLE, "pages", {"ttl": 1}, {"ttl": 9}, "ttl"))
    metadata = {"op": "update", "urn": urn(TABLE, "pages"), "type": TABLE, "detailedDiff": {"ttl": {}}}
    engine.foreseen = [{**metadata, "old": {"inputs": {"ttl": 1}}, "new": {"inputs": {"ttl": 2}}}]
    (only,) = detect.find(engine, empty_estate, ("data",))
    assert (only.expected, only.actual) == (1, 9)


def test_a_text_that_only_begins_like_a_document_is_compared_as_a_text(empty_estate: Any) -> None:
    differences = found(
        empty_estate,
        step(TABLE, "events", {"note": "{a}"}, {"note": "{b}"}, "note"),
        step("pulumi:providers:aws", "provider", {"region": "a"}, {"region": "b"}, "region"),
    )
    assert differences == [("events", "note", "{a}", "{b}", OTHER)]
