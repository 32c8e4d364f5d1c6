"""Requirement 5: roles of functions that may do more than their function needs."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from estate_tool.audit.access import covers_action
from estate_tool.audit.model import Finding
from foundation.guardrails.documents import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.audit.model import Inventory, Role
    from estate_tool.pricing.prices import Prices

# Actions that AWS has no resources for ("Service Authorization Reference"): they need the resource *.
_WITHOUT_RESOURCES = re.compile(
    r"(xray:(Put|Get|BatchGet)|cloudwatch:PutMetricData|cloudwatch:(Get|List)Metric|ec2:Describe|"
    r"ec2:(Create|Delete)NetworkInterface|ec2:(Assign|Unassign)PrivateIp|autoscaling:Describe|"
    r"(comprehend|rekognition|textract|translate|polly):(Detect|Analyze|Compare|Translate|Synthesize|BatchDetect)|"
    r"logs:DescribeLogGroups|(sqs|kms|kinesis):List(Queues|Keys|Aliases|Streams)|(ecr|sts):Get(AuthorizationToken|CallerIdentity)|"
    r"sns:ListTopics|dynamodb:List(Streams|Tables)|dynamodb:DescribeLimits|ce:Get|ses:GetSend|states:ListStateMachines|"
    r"lambda:(ListFunctions|ListEventSourceMappings|ListLayers|GetAccountSettings)|s3:ListAllMyBuckets|tag:GetResources|"
    r"iam:List(Roles|Users|Policies)|(secretsmanager|kms):(ListSecrets|GetRandomPassword|GenerateRandom)|"
    r"ssm:DescribeParameters|support:|organizations:List|route53:ListHostedZones)",
    re.IGNORECASE,
)
_PRIVILEGES = (
    "iam:PassRole", "sts:AssumeRole", "iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy",
    "iam:UpdateAssumeRolePolicy", "iam:CreatePolicyVersion", "iam:PutUserPolicy", "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
)  # fmt: skip


def excess_permissions(inventory: Inventory, _prices: Prices) -> Iterator[Finding]:
    """Yield wildcards by role and statement, shared roles, and roles with privileges over any role."""
    functions: dict[str, list[str]] = defaultdict(list)
    for function in inventory.functions:
        functions[function.role].append(function.name)
    for role in inventory.roles:
        for policy, statement in role.statements:
            if statement.get("Effect") == "Allow":
                where = f"{policy}, statement {statement.get('Sid') or '(without Sid)'}"
                yield from _statement(role, where, statement)
        users = functions[role.arn]
        if len(users) > 1:
            yield Finding(
                5, "role-shared", role.arn, f"one role for {len(users)} functions: {', '.join(users)}",
                "give every function a role of its own",
            )  # fmt: skip
        yield from _trust(role)


def _statement(role: Role, where: str, statement: Mapping[str, Any]) -> Iterator[Finding]:
    actions = listed(statement.get("Action"))
    wild = [action for action in actions if "*" in action or "?" in action]
    if wild or "NotAction" in statement:
        text = ", ".join(wild) or "NotAction, everything else"
        yield Finding(
            5, "action-wildcard", role.arn, f"{text} in {where}", "name each action that the function calls"
        )  # fmt: skip
    broad = [arn for arn in listed(statement.get("Resource")) if not is_scoped(arn)]
    if not broad and "NotResource" not in statement:
        return
    if _needs_resources(actions):
        text = ", ".join(broad) or "NotResource, everything else"
        yield Finding(
            5, "resource-wildcard", role.arn, f"{text} in {where}", "name the resources that the function uses"
        )  # fmt: skip
    privileges = [action for action in _PRIVILEGES if covers_action(statement, action)]
    if privileges and not statement.get("Condition"):
        yield Finding(
            5, "role-overreach", role.arn, f"{', '.join(privileges)} on {', '.join(broad) or 'NotResource'} in {where}",
            "name the roles, or take it away: a function that passes or assumes any role has the account",
        )  # fmt: skip


def _needs_resources(actions: list[str]) -> bool:
    return not actions or any(not _WITHOUT_RESOURCES.match(action) for action in actions)


def is_scoped(arn: str) -> bool:
    """True for an ARN that names a resource: a wildcard, if any, stands behind the beginning of its name."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or any("*" in part or "?" in part for part in parts[:5]):
        return False
    begin, *wildcard = re.split(r"[*?]", parts[5], maxsplit=1)
    # The name of a bucket, queue or topic stands alone; that of every other resource behind its kind.
    if not wildcard or parts[2] in ("s3", "sqs", "sns"):
        return not wildcard or bool(begin)
    name = re.sub(r"^[a-z-]+[:/]", "", begin, count=1)
    return name != begin and bool(name.strip("/:"))


def _trust(role: Role) -> Iterator[Finding]:
    for statement in role.trust:
        principal = statement.get("Principal")
        aws = listed(principal.get("AWS")) if isinstance(principal, dict) else listed(principal)
        if statement.get("Effect") == "Allow" and "*" in aws and not statement.get("Condition"):
            yield Finding(
                5, "role-trust", role.arn, "anybody may assume it", "let lambda.amazonaws.com alone assume it"
            )  # fmt: skip
