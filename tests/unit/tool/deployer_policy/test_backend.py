"""Policies of readers and of the backend's bucket."""

from __future__ import annotations

import pytest

from estate_tool.deployer_policy import backend, document
from estate_tool.engine.dry_run import Planned
from tests.unit.tool.conftest import PLACE


def test_a_role_that_only_reads_gets_nothing_that_changes(resources: list[Planned]) -> None:
    whole = document.policy(resources, PLACE, "dev")
    reading = backend.read_only(whole)["Statement"]
    actions = {action for each in reading if each["Effect"] == "Allow" for action in each["Action"]}
    assert {action.split(":")[1][:3] for action in actions} == {"Des", "Get", "Lis", "Sca"}
    assert {"lambda:GetFunction", "dynamodb:DescribeTable", "lambda:GetPolicy", "sqs:GetQueueAttributes"} <= actions
    assert [each["Condition"] for each in reading if each["Action"] == ["dynamodb:Scan"]] == [
        {"StringEquals": {"dynamodb:Select": ["COUNT"]}}
    ]
    assert reading[-1] == whole["Statement"][-1]


@pytest.mark.parametrize(("bucket", "folder"), [("estate-state", ""), ("s3://estate-state/team?region=x", "team/")])
def test_the_backends_policy_is_of_its_bucket_and_key_alone(bucket: str, folder: str) -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd"
    document = backend.backend(bucket, key, "aws", writes=True)
    granted = {each["Resource"]: each["Action"] for each in document["Statement"]}
    assert granted == {
        "arn:aws:s3:::estate-state": ["s3:ListBucket"],
        f"arn:aws:s3:::estate-state/{folder}.pulumi/*": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
        key: ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
    }
    reading = backend.backend(bucket, key, "aws", writes=False)["Statement"]
    assert [each["Action"] for each in reading] == [["s3:ListBucket"], ["s3:GetObject"], ["kms:Decrypt"]]
