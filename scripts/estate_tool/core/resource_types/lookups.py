"""Import IDs that AWS has to be asked for, or that names alone do not make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import Failed
from estate_tool.core.resource_types.model import NotThere

if TYPE_CHECKING:
    from collections.abc import Callable

    from estate_tool.core.resource_types.model import Account, Inputs


def queue(inputs: Inputs, account: Account) -> str:
    """Return the URL of a queue."""
    sqs = account.client("sqs")
    try:
        return str(sqs.get_queue_url(QueueName=inputs["name"])["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist as error:
        raise NotThere from error


def function_part(separator: str, part: str) -> Callable[[Inputs, Account], str]:
    """Return a rule for a part of a function; programs may name functions by their ARNs."""
    return lambda inputs, _: separator.join([function_name(inputs["functionName"]), str(inputs[part])])


def function_name(name_or_arn: str) -> str:
    """Return a function's bare name; programs name functions by name or ARN, alone or with an alias."""
    parts = name_or_arn.split(":")
    return parts[6] if name_or_arn.startswith("arn:") else parts[0]


def permission(inputs: Inputs, _: Account) -> str:
    """Return the ID of a statement of a function's, or an alias's, policy."""
    qualifier = f":{inputs['qualifier']}" if inputs.get("qualifier") else ""
    return f"{function_name(inputs['function'])}{qualifier}/{inputs['statementId']}"


def mapping(inputs: Inputs, account: Account) -> str:
    """Return the UUID of a mapping: AWS names them itself, and allows one of a source to a function."""
    pages = account.client("lambda").get_paginator("list_event_source_mappings")
    wanted = {"FunctionName": inputs["functionName"], "EventSourceArn": inputs["eventSourceArn"]}
    return _only(mapping["UUID"] for page in pages.paginate(**wanted) for mapping in page["EventSourceMappings"])


def saved_query(inputs: Inputs, account: Account) -> str:
    """Return the ARN of a saved query."""
    found = account.client("logs").describe_query_definitions(queryDefinitionNamePrefix=inputs["name"])
    same = (query for query in found["queryDefinitions"] if query["name"] == inputs["name"])
    return account.arn("logs", "query-definition:" + _only(query["queryDefinitionId"] for query in same))


def subscription(inputs: Inputs, account: Account) -> str:
    """Return the ARN of a confirmed subscription."""
    pages = account.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=inputs["topic"])
    wanted = (inputs["protocol"], inputs["endpoint"])
    # A subscription without confirmation has no ARN yet: subscribing again only sends the request again.
    return _only(
        found["SubscriptionArn"]
        for page in pages
        for found in page["Subscriptions"]
        if (found["Protocol"], found["Endpoint"]) == wanted and found["SubscriptionArn"].startswith("arn:")
    )


def _only(found: Any) -> str:
    several = list(found)
    if not several:
        raise NotThere
    if len(several) > 1:
        raise Failed(f"there are {len(several)} where one was to be created: {', '.join(several)}", "remove the others")
    return str(several[0])
