"""Clients of an audit refuse what is no read, whatever the credentials allow."""

from __future__ import annotations

import zipfile
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from compute import packaging
from estate_tool.audit import packages, policy
from estate_tool.audit.alarms import watched
from estate_tool.audit.reader import CallRefused, Reader, is_read
from foundation.catalog import CATALOG


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


def test_alarms_count_that_tell_somebody_by_themselves_or_through_a_composite() -> None:
    def alarm(name: str, actions: list[str]) -> dict[str, Any]:
        return {
            "AlarmName": name, "AlarmArn": f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}",
            "Namespace": "AWS/Lambda", "MetricName": "Errors", "AlarmActions": actions, "ActionsEnabled": True,
            "Dimensions": [{"Name": "FunctionName", "Value": name}],
        }  # fmt: skip

    composites = [
        {"AlarmName": "all", "AlarmRule": 'ALARM("child") OR ALARM(inner)', "AlarmActions": ["topic"]},
        {"AlarmName": "inner", "AlarmRule": "ALARM(grandchild) AND NOT ALARM(all)"},
        {"AlarmName": "unheard", "AlarmRule": "ALARM(silent)"},
    ]
    reader = _reader()
    with Stubber(reader.client("cloudwatch")) as stub:
        page = {"MetricAlarms": [alarm(name, []) for name in ("child", "grandchild", "silent")]}
        page["MetricAlarms"].append(alarm("heard", ["topic"]))
        stub.add_response("describe_alarms", page | {"CompositeAlarms": composites})
        names = {dict(dimensions)["FunctionName"] for _, _, dimensions in watched(reader)}
    assert names == {"heard", "child", "grandchild"}


def test_packages_of_this_estate_hold_no_copies() -> None:
    seen: dict[bytes, str] = {}
    for function in CATALOG.functions:
        with zipfile.ZipFile(packaging.build(function, "python3.13")) as package:
            files = {name: package.read(name) for name in package.namelist()}
        assert f"{function.package}/handler.py" in packages.own(files)
        for path, content in packages.own(files).items():
            assert len(content) < 200 or seen.setdefault(content, function.name) == function.name, path
