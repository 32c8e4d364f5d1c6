"""Clients of an audit, which refuse every call but reads."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from estate_tool.audit import policy
from estate_tool.audit.reader import CallRefused, Reader, is_read


def _reader() -> Reader:
    return Reader(boto3.Session(aws_access_key_id="a", aws_secret_access_key="b"), "us-east-1")


@pytest.mark.parametrize(
    ("service", "method", "arguments"),
    [
        ("lambda", "delete_function", {"FunctionName": "f"}),
        ("lambda", "invoke", {"FunctionName": "f"}),
        ("dynamodb", "put_item", {"TableName": "t", "Item": {}}),
        ("dynamodb", "scan", {"TableName": "t"}),
        ("dynamodb", "get_item", {"TableName": "t", "Key": {}}),
        ("sqs", "receive_message", {"QueueUrl": "q"}),
        ("sqs", "purge_queue", {"QueueUrl": "q"}),
        ("sts", "get_session_token", {}),
        ("sts", "assume_role", {"RoleArn": "r", "RoleSessionName": "s"}),
        ("iam", "create_access_key", {}),
        ("logs", "put_retention_policy", {"logGroupName": "g", "retentionInDays": 7}),
    ],
)
def test_nothing_but_reads_is_sent(service: str, method: str, arguments: dict[str, Any]) -> None:
    client = _reader().client(service)
    with Stubber(client), pytest.raises(CallRefused):
        getattr(client, method)(**arguments)


def test_reads_are_sent_and_counted() -> None:
    reader = _reader()
    client = reader.client("sqs")
    with Stubber(client) as stub:
        stub.add_response("list_queues", {"QueueUrls": []})
        assert reader.pages("sqs", "list_queues", "QueueUrls") == []
    assert reader.calls == {"sqs:ListQueues": 1}


def test_the_policy_has_reads_alone() -> None:
    actions = [action for statement in policy.document()["Statement"] for action in statement["Action"]]
    assert all(is_read(action.partition(":")[2]) for action in actions)
    assert len(actions) == len(set(actions))
