"""The rules as the engine's policies: what they see of a resource, and what they report."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pulumi_policy import PolicyResourceOptions, ResourceValidationArgs, StackValidationArgs
from pulumi_policy.policy import PolicyCustomTimeouts, PolicyResource
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from foundation.guardrails import policies
from foundation.guardrails.exemptions import EXEMPTIONS, Exemption, exempted
from foundation.guardrails.policies import ALL_RULES

URN = "urn:pulumi:dev::compute::aws:lambda/function:Function::query-function"


class Reported(list[tuple[str, str | None]]):
    def __call__(self, text: str, urn: str | None = None) -> None:
        self.append((text, urn))


def options(protect: bool = False) -> PolicyResourceOptions:
    return PolicyResourceOptions(protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [], None)


def of_function(**props: Any) -> ResourceValidationArgs:
    seen = unknown_checking_proxy(props)
    return ResourceValidationArgs("aws:lambda/function:Function", seen, URN, "query-function", options(), None)


def policy(name: str) -> Any:
    return next(item for item in policies.policies() if item.name == name)


def test_every_rule_is_a_policy_with_its_statement() -> None:
    assert {(item.name, item.description) for item in policies.policies()} == {
        (rule.name, rule.statement) for rule in ALL_RULES
    }


def test_a_breach_is_reported_on_its_resource() -> None:
    reported = Reported()
    policy("function-memory").validate(of_function(memorySize=3008), reported)
    assert [urn for _, urn in reported] == [URN]
    assert "found 3008 MB of memory" in reported[0][0]


def test_what_a_preview_does_not_know_yet_breaks_no_rule() -> None:
    reported = Reported()
    unknown = {"targetArn": UNKNOWN_STRING_VALUE}
    policy("failure-destination").validate(
        of_function(deadLetterConfig=unknown, layers=[UNKNOWN_STRING_VALUE]), reported
    )
    assert reported == []


def test_protection_is_seen_in_the_options() -> None:
    reported = Reported()
    args = ResourceValidationArgs(
        "aws:sqs/queue:Queue", unknown_checking_proxy({}), URN, "q", options(protect=True), None
    )
    policy("removable").validate(args, reported)
    assert len(reported) == 1


def test_a_breach_of_the_layer_is_reported_on_the_resource_it_is_about() -> None:
    reported = Reported()
    props = unknown_checking_proxy({"name": "lambda-query-dev"})
    function = PolicyResource(
        "aws:lambda/function:Function", props, URN, "query-function", options(), None, None, [], {}
    )
    policy("log-group").validate(StackValidationArgs([function]), reported)
    assert [urn for _, urn in reported] == [URN]


def test_an_exemption_covers_one_rule_on_one_resource_through_its_last_day() -> None:
    known = (Exemption(rule="tags", resource="x", about="Owner", reason="tried", expires=date(2026, 3, 1)),)
    assert exempted("tags", "x", "no Owner", date(2026, 3, 1), known)
    assert not exempted("tags", "x", "no Owner", date(2026, 3, 2), known)
    assert not exempted("tags", "x", "no Project", date(2026, 3, 1), known)
    assert not exempted("tags", "y", "no Owner", date(2026, 3, 1), known)
    assert not exempted("region", "x", "no Owner", date(2026, 3, 1), known)


def test_an_exempted_breach_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(policies, "exempted", lambda rule, name, *_: not asked.append((rule, name)))
    reported = Reported()
    policy("function-memory").validate(of_function(memorySize=3008), reported)
    assert (reported, asked) == ([], [("function-memory", "query-function")])


def test_every_exemption_has_a_reason_and_has_not_expired() -> None:
    today = date.today()
    for item in EXEMPTIONS:
        assert item.reason.strip(), item
        assert item.expires >= today, f"expired; renew it with a reason or fix it: {item}"
