"""AWS Budgets: cost budgets with their notifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from local_aws.provider.model import Call, Change, Parameters, ResourceType, Tagging, changes_in
from local_aws.provider.wire import Properties

_NOTIFICATION: Final = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
_SUBSCRIBERS: Final[Mapping[str, str]] = {"subscriberSnsTopicArns": "SNS", "subscriberEmailAddresses": "EMAIL"}


def _account(change: Change) -> str:
    return str(change.session.account)


def _budget(change: Change) -> Parameters:
    new = change.new
    return {
        "BudgetName": new["name"],
        "BudgetType": new["budgetType"],
        "TimeUnit": new["timeUnit"],
        "BudgetLimit": {"Amount": new["limitAmount"], "Unit": new["limitUnit"]},
        "CostFilters": {one["name"]: list(one["values"]) for one in new.get("costFilters") or []},
    }


def _notification(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name[0].lower() + name[1:]] for name in _NOTIFICATION}


def _subscribers(item: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"SubscriptionType": kind, "Address": address}
        for name, kind in _SUBSCRIBERS.items()
        for address in item.get(name) or []
    ]


def _gone(change: Change) -> Sequence[Parameters]:
    return [{"Notification": _notification(item)} for item in change.old.get("notifications") or []]


def _come(change: Change) -> Sequence[Parameters]:
    items = change.new.get("notifications") or []
    return [{"Notification": _notification(item), "Subscribers": _subscribers(item)} for item in items]


def _tags(change: Change) -> list[dict[str, str]] | None:
    tags: Mapping[str, str] = change.new.get("tagsAll") or {}
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())] or None


def _name(record: Properties) -> str:
    return str(record.get("BudgetName") or record["_state"].get("name"))


def _same_amount(old: Any, new: Any) -> bool:
    """AWS returns 25.0 for 25 (`suppressEquivalentBudgetLimitAmount` of the official provider)."""
    try:
        return Decimal(str(old)) == Decimal(str(new))
    except InvalidOperation:
        return bool(old == new)


def _of_limit(part: str) -> Callable[[Properties], Any]:
    return lambda record: (record.get("BudgetLimit") or {}).get(part)


_NAMED: Final[Parameters] = {"AccountId": _account, "BudgetName": "{name}"}

# A change of notifications is all of them anew, as the official provider does it.
_BUDGET = ResourceType(
    token="aws:budgets/budget:Budget",
    service="budgets",
    gone=("NotFoundException",),
    create=[
        Call("create_budget", {"AccountId": _account, "Budget": _budget, "ResourceTags": _tags}),
        Call("create_notification", _NAMED, each=_come),
    ],
    read=[(Call("describe_budget", _NAMED), "Budget")],
    names={"name": "BudgetName"},
    outputs={
        "accountId": lambda record: record["_session"].account,
        "arn": lambda record: f"arn:aws:budgets::{record['_session'].account}:budget/{_name(record)}",
        "limitAmount": _of_limit("Amount"),
        "limitUnit": _of_limit("Unit"),
        "costFilters": lambda record: [
            {"name": name, "values": values} for name, values in (record.get("CostFilters") or {}).items()
        ],
    },
    update=[
        Call(
            "update_budget",
            {"AccountId": _account, "NewBudget": _budget},
            changes_in("limitAmount", "limitUnit", "costFilters", "timeUnit", "budgetType"),
        ),
        Call("delete_notification", _NAMED, changes_in("notifications"), _gone),
        Call("create_notification", _NAMED, changes_in("notifications"), _come),
    ],
    delete=[Call("delete_budget", _NAMED)],
    tagging=Tagging("list_tags_for_resource", "tag_resource", "untag_resource", "ResourceARN"),
    id=("{accountId}:{name}",),
    force_new={"name", "namePrefix", "accountId"},
    computed={"accountId", "costTypes", "timePeriodStart", "timePeriodEnd", "costFilters", "limitAmount", "limitUnit"},
    kept={"namePrefix", "notifications", "timePeriodStart", "timePeriodEnd"},
    sets={"costFilters", "notifications"},
    same={"limitAmount": _same_amount},
    unsupported={"autoAdjustData", "billingViewArn", "filterExpression", "metrics", "plannedLimits", "costTypes"},
    name_limit=100,
)

TYPES: Final = (_BUDGET,)
