"""Each guardrail against what breaks it, and against the twin that keeps it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from foundation.guardrails.access import is_allowed
from foundation.guardrails.policies import RULES
from tests.support.guardrails import violations
from tests.unit.foundation.guardrails.pairs import PAIRS, Case, Pair, allow

each_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.rule}: {pair.found}")


def of_case(pair: Pair, case: Case) -> list[str]:
    return violations(pair.rule, case.resources, case.config)


@each_pair
def test_a_breach_is_found_with_resource_value_and_remedy_and_its_twin_keeps_the_rule(pair: Pair) -> None:
    texts = of_case(pair, pair.bad)
    assert any(pair.found in text for text in texts), texts
    for text in texts:
        assert text.startswith(f"rule {pair.rule}: thing (")
        assert "): found " in text
        assert ". To fix it: " in text
        assert len(text) < 380
    assert of_case(pair, pair.good) == []


def test_every_rule_has_a_pair_and_a_name_of_its_own() -> None:
    names = [rule.name for rule in RULES]
    assert {pair.rule for pair in PAIRS} == set(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True), ({"Action": "sqs:*"}, False), ({"Resource": "*"}, False), ({"Resource": None}, False),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, True),
    ],
)  # fmt: skip
def test_a_statement_by_itself_is_allowed_or_not(changes: dict[str, Any], allowed: bool) -> None:
    assert is_allowed(json.loads(allow(**changes)["policy"])["Statement"][0]) is allowed
