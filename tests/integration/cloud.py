"""Resources for tests of the embedded AWS: roles, functions from a few lines of code, queues, tables."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws

ACCOUNT = "123456789012"

_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def unique(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:8]}"


def zipped(code: str, **modules: str) -> bytes:
    """Return a package of handler.py and other modules."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {"handler": code, **modules}.items():
            entry = zipfile.ZipInfo(f"{name}.py")  # with a fixed time: equal code is an equal package
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return file.getvalue()


def user(aws: EmbeddedAws, name: str, actions: list[str]) -> dict[str, str]:
    """Create a user with these permissions alone; return its credentials as variables."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="allowed", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def make_role(aws: EmbeddedAws, *statements: tuple[list[str], list[str]]) -> str:
    """Create a role for functions, with (actions, resources) allowed; return its ARN."""
    name = unique("role")
    iam = aws.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_TRUST)["Role"]["Arn"]
    allowed = [{"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in statements]
    if allowed:
        document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=document)
    return arn


def make_function(aws: EmbeddedAws, role: str, code: str, **more: Any) -> str:
    """Create a function with a published version and the alias `live`; return its name."""
    name = unique("lambda")
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName=name, Role=role, Runtime="python3.12", Handler="handler.handle", Code={"ZipFile": zipped(code)},
        **{"Timeout": 20, "MemorySize": 512, "Architectures": ["arm64"], "Publish": True, **more},
    )  # fmt: skip
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return name


def make_queue(aws: EmbeddedAws, **attributes: str) -> tuple[str, str]:
    """Create a queue; return its URL and ARN."""
    sqs, name = aws.client("sqs"), unique("queue")
    url: str = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "20", **attributes})["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def make_table(aws: EmbeddedAws, *, stream: bool = False) -> tuple[str, str, str]:
    """Create a table with the hash key `id`; return its name, its ARN and its stream's ARN."""
    name = unique("table")
    description = aws.client("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        **({"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}} if stream else {}),
    )["TableDescription"]  # fmt: skip
    return name, description["TableArn"], description.get("LatestStreamArn", "")


def send(aws: EmbeddedAws, url: str, bodies: list[str]) -> None:
    sqs = aws.client("sqs")
    for first in range(0, len(bodies), 10):
        entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[first : first + 10])]
        assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")


def items(aws: EmbeddedAws, table: str) -> dict[str, dict[str, Any]]:
    """Return every item of the table by its id."""
    pages = aws.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return {item["id"]["S"]: item for page in pages for item in page["Items"]}


def depth(aws: EmbeddedAws, url: str) -> tuple[int, int]:
    """Return the numbers of the queue's messages, visible and in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


def received(aws: EmbeddedAws, url: str) -> list[dict[str, Any]]:
    """Return up to ten messages of the queue, which stay there."""
    answer = aws.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, AttributeNames=["All"], MessageAttributeNames=["All"]
    )
    return answer.get("Messages", [])
