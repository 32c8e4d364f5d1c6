"""The guardrails as a service within the tool's process."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2

from estate_tool.engine.policy_analyzer import analyzer

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"


def violations(config: dict[str, str], **props: Any) -> list[str]:
    """Violations of a layer with one topic."""
    service: Any = analyzer()
    topic = "aws:sns/topic:Topic"
    service.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(stack="dev", config=config), None)
    urn = f"urn:pulumi:dev::estate-observability::{topic}::page-topic"
    resource = analyzer_pb2.AnalyzerResource(type=topic, name="page-topic", urn=urn)
    json_format.ParseDict(props, resource.properties)
    answer = service.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[resource]), None)
    return [one.policyName for one in answer.diagnostics]


def test_rules_see_the_configuration_of_the_stack() -> None:
    key = {"observability:topicKeyArn": KEY}
    assert violations(key) == ["topic-key"]
    assert violations(key, kmsMasterKeyId=KEY) == []
    assert violations({}) == []
