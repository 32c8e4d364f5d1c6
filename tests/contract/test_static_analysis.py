"""Every policy of the estate, and the deployers', under three checkers: nothing that is not exempted.

parliament and policy-sentry compare with AWS's Service Authorization Reference, cloudsplaining looks for excess.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from estate_tool.deployer_policy.document import policy
from estate_tool.engine.dry_run import AccountContext, Planned
from foundation.catalog import CATALOG
from foundation.guardrails.documents import documents
from foundation.guardrails.exemptions import EXEMPTIONS, exempted
from foundation.layers import LAYER_NAMES
from foundation.policies import execution_policy
from tests.support.checkers import ask
from tests.support.declarations import ARNS, CALLER, SECRETS
from tests.support.mocks import OPTIONAL, roll_out


@dataclass(frozen=True)
class Finding:
    """An objection of a checker to a policy of a resource."""

    resource: str
    rule: str
    detail: str


def allow(kind: str = "identity", **statement: Any) -> dict[str, Any]:
    content = {"Sid": "Some", "Effect": "Allow", **statement}
    return {"kind": kind, "document": {"Version": "2012-10-17", "Statement": [content]}}


PLANTED = "planted: "
QUEUE = "arn:aws:sqs:us-east-1:123456789012:queue-ingest-dev"
# Wrong documents, by the rule that has to find them.
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
_FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:lambda-ingest-dev"
# policy-sentry objects by the same rules to several things; each is a document of its own.
WRONG_FOR_REFERENCE = {
    "an action of another service": ("UNKNOWN_ACTION", allow(Action="dynamodb:SendMessage", Resource=QUEUE)),
    "a service that is none": ("UNKNOWN_ACTION", allow(Action="sq:SendMessage", Resource=QUEUE)),
    "an action that only the API has": ("UNKNOWN_ACTION", allow(Action="sqs:SendMessageBatch", Resource=QUEUE)),
    "a deployer's action misspelt": ("UNKNOWN_ACTION", allow("deployer", Action="iam:PassRoles", Resource="*")),
    "a queue's action on a function": ("RESOURCE_MISMATCH", allow(Action="sqs:SendMessage", Resource=_FUNCTION)),
    "a table's action on its stream": (
        "RESOURCE_MISMATCH",
        allow("deployer", Action="dynamodb:CreateTable", Resource="arn:aws:dynamodb:us-east-1:123456789012:stream/x"),
    ),
    "an ARN without its kind": (
        "RESOURCE_MISMATCH", allow(Action="lambda:InvokeFunction", Resource=_FUNCTION.replace("function:", "")),
    ),
    "a listing limited to one queue": ("NO_RESOURCE_TYPE", allow(Action="sqs:ListQueues", Resource=QUEUE)),
    "a condition key of another service": (
        "UNKNOWN_CONDITION_KEY",
        allow("deployer", Action="sqs:SetQueueAttributes", Resource=QUEUE,
              Condition={"ArnLike": {"lambda:FunctionArn": _FUNCTION}}),
    ),
    "a condition key misspelt": (
        "UNKNOWN_CONDITION_KEY",
        allow("deployer", Action="iam:PassRole", Resource="arn:aws:iam::123456789012:role/r",
              Condition={"StringEquals": {"iam:PassedToServices": "lambda.amazonaws.com"}}),
    ),
    "a queue policy's action misspelt": (
        "UNKNOWN_ACTION", allow("resource", Action="sqs:SendMessages", Principal="*", Resource=QUEUE),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def policies() -> dict[str, Any]:
    """Every policy document of the four layers, by the logical name of its resource and its kind."""
    found: dict[str, Any] = {}
    for recording in roll_out(config=OPTIONAL).values():
        for item in recording.resources:
            for document, kind in documents(item.type, item.inputs):
                found[f"{item.name} {kind}"] = {"kind": kind, "document": document}
    every_grant = {"kind": "identity", "document": execution_policy(CALLER, ARNS, SECRETS)}
    return found | deployers() | {"caller-policy identity": every_grant}


def deployers() -> dict[str, Any]:
    """Policies of deployers, layer by layer. Their power is no finding: changing infrastructure is their task."""
    account = AccountContext(account="111122223333", region="us-east-1")
    found: dict[str, Any] = {}
    for name, recording in roll_out(config=OPTIONAL).items():
        made = [Planned(layer=name, type=item.type, name=item.name, inputs=item.inputs) for item in recording.resources]
        if name == "compute":
            function = {"functionName": "lambda-query-dev", "function": "lambda-query-dev", "qualifier": "live"}
            made += [
                Planned(layer=name, type=f"aws:lambda/{kind}", name=kind, inputs=function)
                for kind in ("functionUrl:FunctionUrl", "permission:Permission")
            ]
        found[f"deployer-{name} deployer"] = {"kind": "deployer", "document": policy(made, account, "dev")}
    return found


@pytest.fixture(scope="module")
def findings(policies: dict[str, Any]) -> list[Finding]:
    """Findings of the checkers, in the estate's policies and in the wrong ones."""
    planted = {f"{PLANTED}{name}": document for name, (_, document) in WRONG_FOR_REFERENCE.items()}
    return [
        Finding(
            resource=_resource(item["policy"]),
            rule=item["rule"],
            detail=item["detail"],
        )
        for item in ask("examine.py", {**policies, **WRONG, **planted})
    ]


def _resource(policy: str) -> str:
    """The logical name in `NAME KIND`; what is planted has a name only."""
    return policy if policy.startswith(PLANTED) else policy.split(" ", maxsplit=1)[0]


def test_every_role_queue_and_topic_is_looked_at(policies: dict[str, Any]) -> None:
    for function in CATALOG.functions:
        assert {f"{function.name}-role trust", f"{function.name}-policy identity"} <= set(policies)
    for type_ in ("sqs/queue:Queue", "sns/topic:Topic"):
        owners = [
            item.outputs["arn"] for recording in roll_out(config=OPTIONAL).values() for item in recording.of(type_)
        ]
        documents_of = [each["document"] for each in policies.values() if each["kind"] == "resource"]
        named = {statement["Resource"] for document in documents_of for statement in document["Statement"]}
        assert owners
        assert set(owners) <= named
    assert {f"deployer-{layer} deployer" for layer in LAYER_NAMES} <= set(policies)


def test_the_checkers_object_to_nothing_that_is_not_exempted(findings: list[Finding]) -> None:
    today = datetime.now(UTC).date()
    ours = [item for item in findings if item.resource not in WRONG and not item.resource.startswith(PLANTED)]
    assert [item for item in ours if not exempted(item.rule, item.resource, item.detail, today)] == []


def test_no_exemption_from_a_checker_is_left_over(findings: list[Finding]) -> None:
    for exemption in EXEMPTIONS:
        if ":" in exemption.rule:
            assert any(exemption.covers(item.rule, item.resource, item.detail) for item in findings), exemption


@pytest.mark.parametrize("rule", WRONG)
def test_the_checkers_do_object_to_what_is_wrong(findings: list[Finding], rule: str) -> None:
    assert rule in {item.rule for item in findings if item.resource == rule}


@pytest.mark.parametrize("name", WRONG_FOR_REFERENCE)
def test_the_reference_objects_to_what_is_planted(findings: list[Finding], name: str) -> None:
    rule, _ = WRONG_FOR_REFERENCE[name]
    assert f"policy-sentry:{rule}" in {item.rule for item in findings if item.resource == f"{PLANTED}{name}"}
