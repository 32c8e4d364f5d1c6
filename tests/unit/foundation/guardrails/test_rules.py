"""Each guardrail against what breaks it, and against the twin that keeps it."""

from __future__ import annotations

import pytest

from foundation.guardrails.policies import ALL_RULES
from foundation.guardrails.rules import UNKNOWN, Resource, Rule, message
from foundation.scope import is_scoped
from tests.unit.foundation.guardrails.pairs import ALARM, PAIRS, TABLE, Pair, resource

BY_NAME = {rule.name: rule for rule in ALL_RULES}

each_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.rule}: {pair.found}")


def messages(rule: str, resources: list[Resource]) -> list[str]:
    found = BY_NAME[rule]
    if isinstance(found, Rule):
        return [message(found, finding) for item in resources for finding in found.check(item)]
    return [message(found, finding) for finding in found.check(resources)]


@each_pair
def test_what_breaks_a_rule_is_found(pair: Pair) -> None:
    found = messages(pair.rule, pair.bad)
    assert any(pair.found in text for text in found), found


@each_pair
def test_the_twin_keeps_the_rule(pair: Pair) -> None:
    assert messages(pair.rule, pair.good) == []


def test_every_rule_has_a_pair() -> None:
    assert {pair.rule for pair in PAIRS} == set(BY_NAME)
    assert len(BY_NAME) == len(ALL_RULES)


@each_pair
def test_a_message_states_rule_resource_value_and_how_to_fix_it(pair: Pair) -> None:
    for text in messages(pair.rule, pair.bad):
        assert text.startswith(f"rule {pair.rule}: thing (")
        assert ": found " in text
        assert ". To fix it: " in text
        assert len(text) < 400


@pytest.mark.parametrize(
    "arn",
    [
        "*", "arn:aws:dynamodb:*:123456789012:table/table-events-dev", "arn:aws:s3:::*", f"{TABLE[:-4]}*", f"{TABLE}?",
        "arn:aws:logs:us-east-1:123456789012:log-group:*",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/*",
        "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:*", "table/table-events-dev/*",
    ],
)  # fmt: skip
def test_patterns_of_several_resources_are_not_scoped(arn: str) -> None:
    assert not is_scoped(arn)


@pytest.mark.parametrize(
    "arn",
    [
        TABLE, f"{TABLE}/stream/*", f"{TABLE}/index/by-*",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/lambda-ingest-local-b:*",
    ],
)  # fmt: skip
def test_what_belongs_to_one_named_resource_is_scoped(arn: str) -> None:
    assert is_scoped(arn)


@pytest.mark.parametrize(
    "props", [{"dimensions": UNKNOWN}, {"metricQueries": UNKNOWN}, {"dimensions": {"FunctionName": UNKNOWN}}]
)
def test_alarms_on_what_a_preview_does_not_know_are_left_to_the_rollout(props: dict[str, object]) -> None:
    stack = Resource(type="pulumi:pulumi:Stack", name="thing", urn="urn:pulumi:dev::estate-observability::x::y")
    assert messages("alarms", [stack])
    assert messages("alarms", [stack, resource(ALARM, **props)]) == []
