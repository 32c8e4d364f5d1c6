"""Attacks with the role of a compromised function: all have to be denied.

The list follows from the catalog: every kind of access to every table, queue, log group, function and role of the
environment, but for what the function's declaration grants it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from foundation.catalog import CATALOG
from foundation.grants import ActionGrant, fill
from foundation.model import TABLE_ACCESS, Function, QueueGrant, QueueTrigger, StreamTrigger, Table, TableGrant
from foundation.naming import Arns, Names
from tests.integration.cloud import ACCOUNT

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws

DENIED = {"AccessDenied", "AccessDeniedException"}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One call; `action` is the permission it needs, `on` its target."""

    service: str
    operation: str
    action: str
    on: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.service}.{self.operation} ({self.action}) on {self.on}"


class Intruder:
    """The credentials of a function's role, as Lambda hands them to the function."""

    def __init__(self, aws: EmbeddedAws, function: str, suffix: str) -> None:
        role = f"arn:aws:iam::{ACCOUNT}:role/{Names(suffix).role(function)}"
        assumed = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="intruder")["Credentials"]
        self._keys = (assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
        self._aws = aws

    @property
    def identity(self) -> str:
        """Return the identity that AWS reports."""
        return self._aws.client("sts", *self._keys).get_caller_identity()["Arn"]

    def is_denied(self, attempt: Attempt) -> bool:
        """True if AWS refuses it for want of permission; any other answer means that it would have been allowed."""
        call: Callable[..., Any] = getattr(self._aws.client(attempt.service, *self._keys), attempt.operation)
        try:
            call(**attempt.parameters)
        except ClientError as error:
            return error.response["Error"]["Code"] in DENIED
        return False


def table_calls(table: Table, names: Names) -> Iterator[Attempt]:
    """Yield all calls that read, write or delete a table, also by transactions and PartiQL."""
    name = names.table(table.name)
    key = {key: {"S": "x"} for key in (table.hash_key, table.range_key) if key}
    condition = {"KeyConditionExpression": "#k = :v", "ExpressionAttributeNames": {"#k": table.hash_key}}
    condition |= {"ExpressionAttributeValues": {":v": {"S": "x"}}}
    never = {"ConditionExpression": "attribute_exists(#n)", "ExpressionAttributeNames": {"#n": "no_such_attribute"}}
    calls: dict[str, dict[str, Any]] = {
        "get_item": {"TableName": name, "Key": key},
        "query": {"TableName": name, **condition},
        "scan": {"TableName": name},
        "put_item": {"TableName": name, "Item": key, **never},
        "update_item": {"TableName": name, "Key": key, **never},
        "delete_item": {"TableName": name, "Key": key, **never},
        "delete_table": {"TableName": name},
        "update_table": {"TableName": name, "DeletionProtectionEnabled": False},
        "update_time_to_live": {
            "TableName": name, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "other"},
        },
    }  # fmt: skip
    for operation, parameters in calls.items():
        action = f"dynamodb:{''.join(word.capitalize() for word in operation.split('_'))}"
        yield Attempt(service="dynamodb", operation=operation, action=action, on=name, parameters=parameters)
    yield Attempt(
        service="dynamodb", operation="transact_get_items", action="dynamodb:GetItem", on=name,
        parameters={"TransactItems": [{"Get": {"TableName": name, "Key": key}}]},
    )  # fmt: skip
    yield Attempt(
        service="dynamodb", operation="transact_write_items", action="dynamodb:DeleteItem", on=name,
        parameters={"TransactItems": [{"Delete": {"TableName": name, "Key": key, **never}}]},
    )  # fmt: skip
    yield Attempt(
        service="dynamodb", operation="execute_statement", action="dynamodb:PartiQLSelect", on=name,
        parameters={"Statement": f'SELECT * FROM "{name}"'},
    )  # fmt: skip


def queue_calls(aws: EmbeddedAws, name: str) -> Iterator[Attempt]:
    """Yield all calls that send, receive or delete messages, or change or delete the queue."""
    url = {"QueueUrl": f"{aws.endpoint}/{ACCOUNT}/{name}"}
    handle = {"ReceiptHandle": "none"}
    calls: dict[str, dict[str, Any]] = {
        "send_message": {"MessageBody": "intruder"},
        # At once, or SQS waits for a message as long as its queue is configured to.
        "receive_message": {"WaitTimeSeconds": 0},
        "delete_message": handle,
        "change_message_visibility": {**handle, "VisibilityTimeout": 0},
        "purge_queue": {},
        "delete_queue": {},
        "set_queue_attributes": {"Attributes": {"RedrivePolicy": ""}},
    }
    for operation, parameters in calls.items():
        action = f"sqs:{''.join(word.capitalize() for word in operation.split('_'))}"
        yield Attempt(service="sqs", operation=operation, action=action, on=name, parameters={**url, **parameters})


def data_calls(aws: EmbeddedAws, names: Names) -> Iterator[Attempt]:
    """All tables and queues of an environment, whether it exists or not."""
    for table in CATALOG.tables:
        yield from table_calls(table, names)
    owners = [item.name for item in CATALOG.functions if not isinstance(item.trigger, QueueTrigger)]
    queues = [queue.name for queue in CATALOG.queues]
    for name in (*map(names.queue, queues), *map(names.dead_letter_queue, (*queues, *owners))):
        yield from queue_calls(aws, name)


def stream_calls(aws: EmbeddedAws) -> Iterator[Attempt]:
    """Reading the streams of the tables."""
    for stream in aws.client("dynamodbstreams").list_streams()["Streams"]:
        yield Attempt(
            service="dynamodbstreams", operation="describe_stream", action="dynamodb:DescribeStream",
            on=stream["TableName"], parameters={"StreamArn": stream["StreamArn"]},
        )  # fmt: skip


def function_calls(function: Function, arns: Arns) -> Iterator[Attempt]:
    """A function's logs, code and role."""
    name, group, role = (of(function.name) for of in (arns.names.function, arns.names.log_group, arns.names.role))
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    yield from (
        _logs("get_log_events", group, logStreamName="x"),
        _logs("filter_log_events", group),
        _logs("start_query", group, startTime=0, endTime=1, queryString="fields @message"),
        _logs("put_retention_policy", group, retentionInDays=1),
        _logs("delete_log_group", group),
        _lambda("invoke", "lambda:InvokeFunction", name),
        _lambda("get_function", "lambda:GetFunction", name),
        _lambda("update_function_code", "lambda:UpdateFunctionCode", name, ZipFile=b"x"),
        _lambda("update_function_configuration", "lambda:UpdateFunctionConfiguration", name, MemorySize=3008),
        Attempt(
            service="sts", operation="assume_role", action="sts:AssumeRole", on=role,
            parameters={"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "RoleSessionName": "intruder"},
        ),
        Attempt(
            service="iam", operation="put_role_policy", action="iam:PutRolePolicy", on=role,
            parameters={
                "RoleName": role, "PolicyName": "more",
                "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
            },
        ),
    )  # fmt: skip


def log_writing(function: Function, arns: Arns) -> Iterator[Attempt]:
    """Forging the log of a function."""
    group = arns.names.log_group(function.name)
    yield _logs("create_log_stream", group, logStreamName="forged")
    yield _logs("put_log_events", group, logStreamName="forged", logEvents=[{"timestamp": 1, "message": "forged"}])


def _logs(operation: str, group: str, **parameters: Any) -> Attempt:
    action = f"logs:{''.join(word.capitalize() for word in operation.split('_'))}"
    return Attempt(
        service="logs", operation=operation, action=action, on=group, parameters={"logGroupName": group, **parameters}
    )


def _lambda(operation: str, action: str, name: str, **parameters: Any) -> Attempt:
    return Attempt(
        service="lambda", operation=operation, action=action, on=name, parameters={"FunctionName": name, **parameters}
    )


def attempts(aws: EmbeddedAws, function: Function, suffix: str) -> tuple[list[Attempt], list[Attempt]]:
    """All calls that the function's role must be denied, and those of the same list that its declaration allows."""
    arns = Arns(names=Names(suffix), account=ACCOUNT, region="us-east-1")
    everything = [
        *data_calls(aws, arns.names),
        *data_calls(aws, Names(f"{suffix}-other")),
        *stream_calls(aws),
        *(call for other in CATALOG.functions for call in function_calls(other, arns)),
        *(call for other in CATALOG.functions if other is not function for call in log_writing(other, arns)),
        *_account_calls(),
    ]
    granted = allowed(function, arns)
    return (
        [call for call in everything if (call.action, call.on) not in granted],
        [call for call in everything if (call.action, call.on) in granted],
    )


def _account_calls() -> Iterator[Attempt]:
    """Looking around, and making oneself at home."""
    for service, operation, action in (
        ("dynamodb", "list_tables", "dynamodb:ListTables"),
        ("sqs", "list_queues", "sqs:ListQueues"),
        ("logs", "describe_log_groups", "logs:DescribeLogGroups"),
        ("lambda", "list_functions", "lambda:ListFunctions"),
        ("iam", "list_roles", "iam:ListRoles"),
    ):
        yield Attempt(service=service, operation=operation, action=action, on="the account")
    yield Attempt(
        service="ssm", operation="get_parameter", action="ssm:GetParameter", on="a secret of another",
        parameters={"Name": "/another/key", "WithDecryption": True},
    )  # fmt: skip
    yield Attempt(
        service="secretsmanager", operation="get_secret_value", action="secretsmanager:GetSecretValue",
        on="a secret of another", parameters={"SecretId": "another"},
    )  # fmt: skip
    yield Attempt(
        service="iam", operation="create_user", action="iam:CreateUser", on="the account",
        parameters={"UserName": "intruder"},
    )  # fmt: skip


def allowed(function: Function, arns: Arns) -> set[tuple[str, str]]:
    """Return the function's declared permissions, as (action, physical name); written apart from the policies."""
    names, found = arns.names, set[tuple[str, str]]()
    failures = names.dead_letter_queue(function.name)
    if isinstance(function.trigger, QueueTrigger):
        failures = names.dead_letter_queue(function.trigger.queue)
        consumed = names.queue(function.trigger.queue)
        found |= {("sqs:ReceiveMessage", consumed), ("sqs:DeleteMessage", consumed)}
    if isinstance(function.trigger, StreamTrigger):
        found.add(("dynamodb:DescribeStream", names.table(function.trigger.table)))
    found.add(("sqs:SendMessage", failures))
    for grant in function.grants:
        if isinstance(grant, TableGrant):
            found |= {(action, names.table(grant.table)) for word in grant.access for action in TABLE_ACCESS[word]}
        elif isinstance(grant, QueueGrant) and "release" in grant.access:
            found.add(("sqs:ChangeMessageVisibility", names.queue(grant.queue)))
        elif isinstance(grant, ActionGrant):
            aimed_at = {re.split("[:/]", fill(arn, arns))[-1] for arn in grant.resources}
            found |= {(action, name) for action in grant.actions for name in aimed_at}
    return found
