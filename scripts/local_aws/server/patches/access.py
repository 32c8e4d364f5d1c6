"""Permissions: whether a role may do what AWS does in its name, and the actions that requests really need."""

from __future__ import annotations

from typing import Any

from local_aws.server.patches.target import get_account_id, get_region, iam, iam_actions, iam_evaluator

_SQS_WITH_BATCH = ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
_BATCHES = {f"sqs:{action}Batch": f"sqs:{action}" for action in _SQS_WITH_BATCH}


def apply() -> None:
    """Make the corrections."""
    extract = iam_actions.extract_iam_action

    def without_batches(*request: Any) -> str | None:
        """SQS has no actions for its batch operations: each is allowed by the action for one message."""
        action: str | None = extract(*request)
        return _BATCHES.get(action, action) if action else action

    resource = iam_actions.extract_resource_arn

    def with_arns(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> str:
        """What is read of a stream is allowed on that stream; otherwise only a grant on everything would do.

        The same holds for the queue whose messages a task moves.
        """
        named = {"dynamodbstreams": "StreamArn", "sqs": "SourceArn"}.get(service)
        arn = iam_actions._safe_json_field(body, named) if named else ""
        return arn or str(resource(service, method, path, headers, body, *more))

    iam_actions.extract_iam_action = without_batches
    iam_actions.extract_resource_arn = with_arns


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Evaluate the role's policies and its boundary; a role that does not exist may do nothing."""
    account, name = get_account_id(), role_arn.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/lambda",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    decision: str = iam_evaluator.evaluate(context, policies, *limits).decision
    return decision == "Allow"


def refused(role_arn: str, actions: tuple[str, ...], resource: str) -> str:
    """The first of the actions that the role may not do, or nothing."""
    return next((action for action in actions if not role_allows(role_arn, action, resource)), "")
