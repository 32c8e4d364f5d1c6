"""The policy pack as the engine meets it: a service that is configured, and asked about resources and stacks."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from foundation.guardrails import policies, rules
from foundation.guardrails.exemptions import EXEMPTIONS, Exemption, exempted
from foundation.layers import project

FUNCTION, TOPIC = "aws:lambda/function:Function", "aws:sns/topic:Topic"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
LOG_GROUP = f"log-group: thing ({FUNCTION}): found no log group /aws/lambda/lambda-x-dev"


def reported(request: Any, config: dict[str, str] | None = None) -> list[tuple[str, str, str]]:
    """Return rule, URN and the second line of the text of each violation that is mandatory."""
    service: Any = policies.service()
    configure = analyzer_pb2.AnalyzerStackConfigureRequest(stack="dev", config=config or {})
    service.ConfigureStack(configure, None)
    ask = service.AnalyzeStack if isinstance(request, analyzer_pb2.AnalyzeStackRequest) else service.Analyze
    found = ask(request, None).diagnostics
    assert all(one.enforcementLevel == analyzer_pb2.MANDATORY for one in found)
    return [(one.policyName, one.urn, one.message.partition("\n")[2]) for one in found]


def urn_of(type_: str) -> str:
    return f"urn:pulumi:dev::{project('compute')}::{type_}::thing"


def resource(type_: str, props: dict[str, Any], *, protect: bool = False) -> Any:
    asked = analyzer_pb2.AnalyzeRequest(type=type_, name="thing", urn=urn_of(type_))
    asked.options.protect = protect
    json_format.ParseDict(props, asked.properties)
    return asked


def layer(type_: str, props: dict[str, Any]) -> Any:
    item = analyzer_pb2.AnalyzerResource(type=type_, name="thing", urn=urn_of(type_))
    json_format.ParseDict(props, item.properties)
    return analyzer_pb2.AnalyzeStackRequest(resources=[item])


GOOD = {
    "memorySize": 512,
    "name": "lambda-x-dev",
    "deadLetterConfig": {"targetArn": UNKNOWN_STRING_VALUE},
    "layers": [UNKNOWN_STRING_VALUE],
    "tags": UNKNOWN_STRING_VALUE,
}


def test_a_breach_is_reported_with_rule_resource_value_and_remedy() -> None:
    ((rule, urn, text),) = reported(resource(FUNCTION, GOOD | {"memorySize": 3008}))
    assert (rule, urn) == ("function-memory", urn_of(FUNCTION))
    assert text.startswith(f"rule function-memory: thing ({FUNCTION}): found 3008 MB of memory. To fix it: ")


@pytest.mark.parametrize(
    "request_",
    [resource(FUNCTION, {"memorySize": 3008}), resource(TOPIC, {}, protect=True), layer(FUNCTION, {"name": "x"})],
)
def test_the_answer_is_that_of_the_sdk_s_own_service(request_: Any) -> None:
    service: Any = policies.service()
    method = "AnalyzeStack" if isinstance(request_, analyzer_pb2.AnalyzeStackRequest) else "Analyze"
    answer = getattr(service, method)(request_, None)
    assert answer.diagnostics
    assert answer == getattr(super(policies.Service, service), method)(request_, None)


def test_an_unknown_value_of_a_preview_breaks_no_rule() -> None:
    assert reported(resource(FUNCTION, GOOD)) == []


def test_protection_is_seen_in_the_options() -> None:
    assert [rule for rule, *_ in reported(resource(FUNCTION, GOOD, protect=True))] == ["removable"]


def test_a_breach_of_the_layer_is_reported_on_the_resource_it_is_about() -> None:
    ((rule, urn, text),) = reported(layer(FUNCTION, GOOD))
    assert (rule, urn) == ("log-group", urn_of(FUNCTION))
    assert LOG_GROUP in text


def test_rules_see_the_configuration_of_the_stack() -> None:
    key = {"observability:topicKeyArn": KEY}
    assert [rule for rule, *_ in reported(layer(TOPIC, {}), key)] == ["topic-key"]
    assert reported(layer(TOPIC, {"kmsMasterKeyId": KEY}), key) == []
    assert reported(layer(TOPIC, {})) == []


def test_an_exemption_covers_one_rule_on_one_resource_through_its_last_day() -> None:
    known = (Exemption(rule="tags", resource="x", about="Owner", reason="tried", expires=date(2026, 3, 1)),)
    assert exempted("tags", "x", "no Owner", date(2026, 3, 1), known)
    assert not exempted("tags", "x", "no Owner", date(2026, 3, 2), known)
    assert not exempted("tags", "x", "no Project", date(2026, 3, 1), known)
    assert not exempted("tags", "y", "no Owner", date(2026, 3, 1), known)
    assert not exempted("region", "x", "no Owner", date(2026, 3, 1), known)


def test_an_exempted_breach_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(rules, "exempted", lambda rule, name, *_: not asked.append((rule, name)))
    assert reported(resource(FUNCTION, GOOD | {"memorySize": 3008})) == []
    assert asked == [("function-memory", "thing")]


def test_every_exemption_has_a_reason_and_has_not_expired() -> None:
    today = date.today()
    for item in EXEMPTIONS:
        assert item.reason.strip(), item
        assert item.expires >= today, f"expired; renew it with a reason or fix it: {item}"


@pytest.mark.parametrize(
    "modules",
    [
        pytest.param("foundation.guardrails.documents", id="an audit"),
        pytest.param("estate_tool.core.configuration, estate_tool.rollout.orchestration", id="a start of the engine"),
    ],
)
def test_pulumis_sdk_is_not_waited_for(modules: str) -> None:
    code = f"import sys, {modules}; print(sorted({{'pulumi', 'pulumi_policy', 'grpc'}} & sys.modules.keys()))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
