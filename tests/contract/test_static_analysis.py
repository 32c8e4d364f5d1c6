"""Every policy of the estate as it reaches AWS, under parliament and cloudsplaining: nothing that is not exempted."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from estate_tool.permissions import policy
from estate_tool.planned import Place, Planned
from estate_tool.setup.environments import ensure_cached
from estate_tool.setup.report import Report
from foundation.catalog import CATALOG
from foundation.guardrails.documents import documents
from foundation.guardrails.exemptions import EXEMPTIONS, exempted
from foundation.guardrails.rules import Resource
from foundation.layers import LAYER_NAMES
from tests.support.mocks import roll_out

CHECKERS = Path(__file__).parent / "checkers"


@dataclass(frozen=True)
class Finding:
    """An objection of a checker to a policy of a resource."""

    resource: str
    rule: str
    detail: str


def allow(kind: str = "identity", **statement: Any) -> dict[str, Any]:
    content = {"Sid": "Some", "Effect": "Allow", **statement}
    return {"kind": kind, "document": {"Version": "2012-10-17", "Statement": [content]}}


QUEUE = "arn:aws:sqs:us-east-1:123456789012:queue-ingest-dev"
# What is wrong, by the rule that is to object to it.
WRONG = {
    "parliament:UNKNOWN_ACTION": allow(Action="sqs:SendMesage", Resource=QUEUE),
    "parliament:RESOURCE_STAR": allow("deployer", Action="dynamodb:CreateTable", Resource="*"),
    "parliament:RESOURCE_MISMATCH": allow(Action="sqs:SendMessage", Resource="arn:aws:s3:::bucket"),
    "parliament:UNKNOWN_OPERATOR": allow(
        "resource",
        Action="sqs:SendMessage",
        Resource=QUEUE,
        Principal="*",
        Condition={"Equals": {"aws:SourceArn": QUEUE}},
    ),
    "parliament:UNKNOWN_PREFIX": allow(
        "trust", Action="stss:AssumeRole", Principal={"Service": "lambda.amazonaws.com"}
    ),
    "cloudsplaining:all_allowed_unrestricted_actions": allow(Action="sqs:SendMessage", Resource="*"),
    "cloudsplaining:allows_privilege_escalation": allow(
        Action=["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"], Resource="*"
    ),
    "cloudsplaining:contains_statement_using_not_action": allow(NotAction="iam:*", Resource="*"),
}


@pytest.fixture(scope="module")
def policies() -> dict[str, Any]:
    """Every policy document of the four layers, by the logical name of its resource and its place."""
    found: dict[str, Any] = {}
    for recording in roll_out().values():
        for item in recording.resources:
            for document, kind in documents(Resource(type=item.type, name=item.name, props=item.inputs)):
                found[f"{item.name} {kind}"] = {"kind": kind, "document": document}
    return found | deployers()


def deployers() -> dict[str, Any]:
    """What rolling each layer out needs. Nothing is said of its power: changing infrastructure is its purpose."""
    place = Place(account="111122223333", region="us-east-1")
    found: dict[str, Any] = {}
    for name, recording in roll_out().items():
        made = [Planned(layer=name, type=item.type, name=item.name, inputs=item.inputs) for item in recording.resources]
        found[f"deployer-{name} deployer"] = {"kind": "deployer", "document": policy(made, place, "dev")}
    return found


@pytest.fixture(scope="module")
def findings(policies: dict[str, Any]) -> list[Finding]:
    """What the checkers object to, in the estate's policies and in the wrong ones."""
    python = ensure_cached("the policy checkers' environment", "checkers", CHECKERS / "requirements.lock", Report())
    # -I: the checkers are to find nothing but their own environment; -W: what they deprecate is theirs to mend.
    command = [str(python), "-I", "-W", "ignore", str(CHECKERS / "examine.py")]
    asked = json.dumps({**policies, **WRONG})
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [
        Finding(resource=item["policy"].split(" ")[0], rule=item["rule"], detail=item["detail"])
        for item in json.loads(done.stdout)
    ]


def test_every_role_queue_and_topic_is_looked_at(policies: dict[str, Any]) -> None:
    for function in CATALOG.functions:
        assert {f"{function.name}-role trust", f"{function.name}-policy identity"} <= set(policies)
    for type_ in ("sqs/queue:Queue", "sns/topic:Topic"):
        owners = [item.outputs["arn"] for recording in roll_out().values() for item in recording.of(type_)]
        documents_of = [each["document"] for each in policies.values() if each["kind"] == "resource"]
        named = {statement["Resource"] for document in documents_of for statement in document["Statement"]}
        assert owners
        assert set(owners) <= named
    assert {f"deployer-{layer} deployer" for layer in LAYER_NAMES} <= set(policies)


def test_the_checkers_object_to_nothing_that_is_not_exempted(findings: list[Finding]) -> None:
    today = datetime.now(UTC).date()
    ours = [item for item in findings if item.resource not in WRONG]
    assert [item for item in ours if not exempted(item.rule, item.resource, item.detail, today)] == []


def test_no_exemption_from_a_checker_is_left_over(findings: list[Finding]) -> None:
    for exemption in EXEMPTIONS:
        if ":" in exemption.rule:
            assert any(exemption.covers(item.rule, item.resource, item.detail) for item in findings), exemption


@pytest.mark.parametrize("rule", WRONG)
def test_the_checkers_do_object_to_what_is_wrong(findings: list[Finding], rule: str) -> None:
    assert rule in {item.rule for item in findings if item.resource == rule}
