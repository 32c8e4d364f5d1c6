"""Whether a function's execution role may do what AWS does in its name: poll a source, write a log, send a failure on."""

from __future__ import annotations

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam


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
