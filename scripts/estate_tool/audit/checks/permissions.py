"""Requirement 5: roles of functions that may do more than their function needs."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from estate_tool.audit.access import is_about
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
_POWERS = (
    "iam:PassRole", "sts:AssumeRole", "iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy",
    "iam:UpdateAssumeRolePolicy", "iam:CreatePolicyVersion", "iam:PutUserPolicy", "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
)  # fmt: skip


def excess_permissions(inventory: Inventory, prices: Prices) -> Iterator[Finding]:
    """Yield wildcard actions and resources by role and statement, shared roles, and roles with power over roles."""
    del prices
    holders: dict[str, list[str]] = defaultdict(list)
    for function in inventory.functions:
        holders[function.role].append(function.name)
    for role in inventory.roles:
        for policy, statement in role.statements:
            if statement.get("Effect") == "Allow":
                yield from _statement(role, policy, statement)
        if len(holders[role.arn]) > 1:
            yield _finding(
                role, "role-shared", f"one role for {len(holders[role.arn])} functions: {', '.join(holders[role.arn])}",
                "give every function a role of its own",
            )  # fmt: skip
        yield from _trust(role)


def _finding(role: Role, check: str, found: str, fix: str) -> Finding:
    return Finding(requirement=5, check=check, resource=role.arn, found=found, fix=fix)


def _statement(role: Role, policy: str, statement: Mapping[str, Any]) -> Iterator[Finding]:
    where = f"{policy}, statement {statement.get('Sid') or '(without Sid)'}"
    actions, resources = listed(statement.get("Action")), listed(statement.get("Resource"))
    wild = [action for action in actions if "*" in action or "?" in action]
    if wild or "NotAction" in statement:
        text = ", ".join(wild) or "NotAction, everything else"
        yield _finding(role, "action-wildcard", f"{text} in {where}", "name each action that the function calls")
    if _needs_resources(actions):
        broad = [arn for arn in resources if not is_scoped(arn)]
        if broad or "NotResource" in statement:
            text = ", ".join(broad) or "NotResource, everything else"
            yield _finding(role, "resource-wildcard", f"{text} in {where}", "name the resources that the function uses")
    powers = [action for action in _POWERS if is_about(statement, action)]
    wide = [arn for arn in resources if not is_scoped(arn)] or (["NotResource"] if "NotResource" in statement else [])
    if powers and wide and not statement.get("Condition"):
        yield _finding(
            role, "role-overreach", f"{', '.join(powers)} on {', '.join(wide)} in {where}",
            "name the roles, or take it away: a function that passes or assumes any role has the account",
        )  # fmt: skip


def _needs_resources(actions: list[str]) -> bool:
    return not actions or any(not _WITHOUT_RESOURCES.match(action) for action in actions)


def is_scoped(arn: str) -> bool:
    """True for an ARN that names a resource: a wildcard, if any, stands behind the beginning of its name."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or any("*" in part or "?" in part for part in parts[:5]):
        return False
    named = re.split(r"[*?]", parts[5], maxsplit=1)
    if len(named) == 1:
        return True
    # An S3 bucket's name stands alone; every other resource is a kind and a name.
    fixed = named[0] if parts[2] in ("s3", "sqs", "sns") else re.sub(r"^[a-z-]+[:/]", "", named[0], count=1)
    return (bool(fixed.strip("/:")) and fixed != named[0]) or (parts[2] in ("s3", "sqs", "sns") and bool(fixed))


def _trust(role: Role) -> Iterator[Finding]:
    for statement in role.trust:
        principal = statement.get("Principal")
        aws = listed(principal.get("AWS")) if isinstance(principal, dict) else listed(principal)
        if statement.get("Effect") == "Allow" and "*" in aws and not statement.get("Condition"):
            yield _finding(role, "role-trust", "anybody may assume it", "let lambda.amazonaws.com alone assume it")
