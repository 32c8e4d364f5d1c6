"""Policy documents of the execution roles, derived from the catalog: exact actions on exact ARNs."""

import re
from collections.abc import Iterable
from typing import Any

from foundation import grants, secrets
from foundation.grants import ActionGrant
from foundation.model import (
    QUEUE_ACCESS,
    TABLE_ACCESS,
    Function,
    QueueGrant,
    QueueTrigger,
    StreamTrigger,
    TableGrant,
)
from foundation.naming import Arns
from foundation.secrets import Secret, SecretGrant

Statement = dict[str, Any]


def trust_policy(account: str) -> dict[str, Any]:
    """Return the trust policy of an execution role: Lambda may assume it for functions of the account."""
    statement = {
        "Sid": "AssumedByLambda",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def execution_policy(function: Function, arns: Arns, declared: Iterable[Secret] = ()) -> dict[str, Any]:
    """Return the permissions of a function: write its logs, consume its trigger, send failures, and its grants.

    `declared` are the secrets of the catalog.
    """
    statements = [_logs(function, arns), *_trigger(function, arns), _failures(function, arns)]
    by_name = {secret.name: secret for secret in declared}
    for grant in function.grants:
        if isinstance(grant, TableGrant | QueueGrant):
            statements.append(_grant(grant, arns))
        elif isinstance(grant, SecretGrant):
            statements += secrets.statements(by_name[grant.secret], f"Secret{_camel(grant.secret)}", arns)
    statements += grants.statements([grant for grant in function.grants if isinstance(grant, ActionGrant)], arns)
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: list[str], resource: str) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resource}


def _logs(function: Function, arns: Arns) -> Statement:
    # No logs:CreateLogGroup: a group created by Lambda itself would have no retention.
    return _allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], arns.log_streams(function.name))


def _trigger(function: Function, arns: Arns) -> list[Statement]:
    trigger = function.trigger
    if isinstance(trigger, QueueTrigger):
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        return [_allow("ConsumeQueue", actions, arns.queue(trigger.queue))]
    if isinstance(trigger, StreamTrigger):
        actions = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"]
        return [_allow("ConsumeStream", [f"dynamodb:{action}" for action in actions], arns.streams(trigger.table))]
    return []


def _failures(function: Function, arns: Arns) -> Statement:
    return _allow("ReportFailures", ["sqs:SendMessage"], arns.dead_letter_queue(function.dead_letter_queue))


def _grant(grant: TableGrant | QueueGrant, arns: Arns) -> Statement:
    if isinstance(grant, TableGrant):
        levels, kind, name, resource = TABLE_ACCESS, "Table", grant.table, arns.table(grant.table)
    else:
        levels, kind, name, resource = QUEUE_ACCESS, "Queue", grant.queue, arns.queue(grant.queue)
    actions = [action for level in grant.access for action in levels[level]]
    return _allow(f"Use{kind}{_camel(name)}", actions, resource)


def _camel(name: str) -> str:
    """Return a name as a part of a Sid, which has only letters and digits."""
    return "".join(part.capitalize() for part in re.split(r"[^a-z0-9]+", name))
