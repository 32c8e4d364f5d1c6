"""Vocabulary of the table of resource types, and import IDs that AWS has to be asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from estate_tool.core.errors import Failed

COST, SECURITY = "cost", "security"  # classes of drift

Conditions = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Needs:
    """A statement: actions on ARNs. `why` is given for those that AWS lets no narrower resource be named for."""

    actions: str
    on: tuple[str, ...]
    when: Conditions
    why: str


def needs(actions: str, *on: str, when: Conditions | None = None, why: str = "") -> Needs:
    """Return a statement; `actions` is the service, a colon and its actions: `sqs: CreateQueue DeleteQueue`."""
    return Needs(actions=actions, on=on, when=when or {}, why=why)


def arn(service: str, resource: str) -> str:
    """Return an ARN in the account and region, as a template to be filled in."""
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource}"


def tags(list_: str = "ListTagsForResource") -> str:
    """Return the actions by which tags are read and written; services differ in the name of the first."""
    return f"{list_} TagResource UntagResource"


Inputs = Mapping[str, Any]


class NotThere(Exception):
    """The resource does not exist, as AWS lists no such thing."""


@dataclass(frozen=True)
class Account:
    """The environment's AWS: clients by service, and where it is."""

    client: Callable[[str], Any]
    region: str

    def number(self) -> str:
        """Return the account's twelve digits."""
        return self.arn("", "").split(":")[4]

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account."""
        _, partition, _, _, account, _ = str(self.client("sts").get_caller_identity()["Arn"]).split(":", 5)
        return f"arn:{partition}:{service}:{self.region}:{account}:{resource}"


@dataclass(frozen=True)
class TagListing:
    """Call that lists a resource's tags: service, operation, parameter, and the resource's output that goes into it."""

    service: str
    operation: str
    parameter: str
    key: str = "arn"


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """A resource type.

    `permissions` are those a deployer needs; `import_id` a template of inputs or a function; `tags` their listing, or
    the reason for having none; `arn` the template by which other resources name one, empty if none does; `drift` the
    class of any drift of it.
    """

    permissions: tuple[Needs, ...]
    import_id: str | Callable[[Inputs, Account], str]
    tags: TagListing | str
    arn: str = ""
    drift: str | None = None


def queue_url(inputs: Inputs, account: Account) -> str:
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


def permission_id(inputs: Inputs, _: Account) -> str:
    """Return the ID of a statement of a function's, or an alias's, policy."""
    qualifier = f":{inputs['qualifier']}" if inputs.get("qualifier") else ""
    return f"{function_name(inputs['function'])}{qualifier}/{inputs['statementId']}"


def mapping_uuid(inputs: Inputs, account: Account) -> str:
    """Return the UUID of a mapping: AWS names them itself, and allows one of a source to a function."""
    pages = account.client("lambda").get_paginator("list_event_source_mappings")
    wanted = {"FunctionName": inputs["functionName"], "EventSourceArn": inputs["eventSourceArn"]}
    return _only(mapping["UUID"] for page in pages.paginate(**wanted) for mapping in page["EventSourceMappings"])


def saved_query_arn(inputs: Inputs, account: Account) -> str:
    """Return the ARN of a saved query."""
    found = account.client("logs").describe_query_definitions(queryDefinitionNamePrefix=inputs["name"])
    same = (query for query in found["queryDefinitions"] if query["name"] == inputs["name"])
    return account.arn("logs", "query-definition:" + _only(query["queryDefinitionId"] for query in same))


def subscription_arn(inputs: Inputs, account: Account) -> str:
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
