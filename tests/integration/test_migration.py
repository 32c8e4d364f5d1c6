"""The pages on moving an estate that is there and on resources of one's own, followed word for word.

Nothing is lost or doubled, the account audits clean, and a type that no table knows goes the way of all others.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from botocore import xform_name

from estate_tool.audit import policy
from estate_tool.core.paths import ROOT
from foundation.guardrails.documents import listed
from foundation.naming import TAG_KEYS
from tests.integration.cloud import ACCOUNT, depth, items, send, user
from tests.integration.old_estate import OldEstate, arn
from tests.support.checkouts import copy_checkout
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import EmbeddedAws

MIGRATING, OWN = (ROOT / "docs" / f"{page}.md" for page in ("migrating", "escape-hatch"))
BEFORE, DURING, AFTER = range(30), range(30, 50), range(50, 90)


_STORE = """
import json
import os

import boto3
import pricing

TABLE = boto3.resource("dynamodb").Table(os.environ["ORDERS_TABLE"])


def handle(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        TABLE.update_item(
            Key={"id": order["id"]}, UpdateExpression="SET price = :price ADD times_stored :one",
            ExpressionAttributeValues={":price": pricing.total(order), ":one": 1},
        )
"""
_LOOKUP = """
import os

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["ORDERS_TABLE"])


def handle(event, context):
    item = TABLE.get_item(Key={"id": event["id"]}).get("Item") or {}
    return {name: str(value) for name, value in item.items()}
"""
_PRICING = "def total(order):\n    return order['quantity'] * order['price']\n"


def shop(old: OldEstate) -> None:
    """Make the estate of docs/migrating.md, which breaks all ten requirements, with one failed order."""
    role = old.role("prod-orders", (["dynamodb:*", "sqs:*", "logs:*"], ["*"]))
    usual: dict[str, Any] = {
        "role": role, "tags": {}, "retention": None, "watched": False, "dead_letters": False,
        "Environment": {"Variables": {"ORDERS_TABLE": "prod-orders"}},
    }  # fmt: skip
    old.function("prod-orders-processor", code=_STORE, memory=3008, modules={"pricing": _PRICING}, **usual)
    old.reports("prod-orders-processor", 100, size=3008, used=120, billed_ms=50)
    for name in ("prod-orders-lookup", "prod-orders-lookup-2"):
        old.function(name, code=_LOOKUP, **usual)
    old.reports("prod-orders-lookup", 100, size=512, used=100, billed_ms=50, cold=5)
    old.table("prod-orders", units=100)
    failed = old.dead_letter_queue("prod-orders-dead", watched=False, days=4)
    redrive = json.dumps({"deadLetterTargetArn": arn("sqs", "prod-orders-dead"), "maxReceiveCount": 3})
    old.queue("prod-orders-queue", dead_letters=False, tags={}, VisibilityTimeout="10", RedrivePolicy=redrive)
    old.trigger("prod-orders-processor", "prod-orders-queue")
    old.aws.client("lambda").update_function_configuration(FunctionName="prod-orders-processor", Timeout=30)
    old.aws.client("sqs").send_message(QueueUrl=failed, MessageBody=order("failed"))


def order(number: int | str) -> str:
    """An order as senders of `shop` send it."""
    return json.dumps({"id": f"order-{number}", "quantity": 2, "price": 3})


class Block(NamedTuple):
    """A block of commands, or a file, of a step of the page."""

    step: int
    language: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """Blocks of a page's numbered steps."""
    sections = re.split(r"^##+ \d\. ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for step, section in enumerate(sections):
        for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL):
            yield Block(step, language, text)


class Reader:
    """The page's steps in a copy of the checkout; keeps the last command's output.

    What only reads is called by a user who may do what `estate permissions audit` prints, and nothing else.
    """

    def __init__(self, aws: EmbeddedAws, checkout: Path) -> None:
        self.aws, self.checkout = aws, checkout
        mine = {"PYTHONDONTWRITEBYTECODE": "1", "AWS_DEFAULT_REGION": "us-east-1"}
        self.variables = {**os.environ, **aws.environment, **mine}
        actions = [action for statement in policy.document()["Statement"] for action in statement["Action"]]
        self.auditor = user(aws, "auditor", actions)
        self.output = ""
        self.answer: dict[str, Any] = {}

    def follow(self, step: int, code: int = 0, page: Path = MIGRATING) -> None:
        """Run all of a step; every command of it must end with that exit code."""
        for block in (block for block in blocks(page) if block.step == step):
            if block.language == "python":
                name = re.match(r"# (\S+)\n", block.text)
                assert name
                (self.checkout / name[1]).write_text(block.text)
                continue
            for line in block.text.splitlines():
                self.run(line, code)

    def run(self, line: str, code: int) -> None:
        if line.startswith("aws "):
            self.answer = self._called(shlex.split(line.replace("UUID", self._uuid()))[1:])
            return
        variables = self.variables | (self.auditor if re.match("scripts/estate (audit|adopt) ?", line) else {})
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.checkout, env=variables, text=True, capture_output=True, check=False,
            timeout=300,
        )  # fmt: skip
        assert done.returncode == code, f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        self.output = done.stdout

    def _uuid(self) -> str:
        return next((one["UUID"] for one in self.answer.get("EventSourceMappings", [])), "UUID")

    def _called(self, words: list[str]) -> dict[str, Any]:
        """The answer to a command line of the AWS CLI, by boto3."""
        client, method = self.aws.client(words[0]), words[1].replace("-", "_")
        operation = client.meta.method_to_api_mapping[method]
        shape = client.meta.service_model.operation_model(operation).input_shape
        members = {xform_name(name, "-"): (name, member.type_name) for name, member in shape.members.items()}
        arguments: dict[str, Any] = {}
        for option in " ".join(words[2:]).split("--")[1:]:
            key, *values = option.split()
            name, kind = members[key]
            arguments[name] = values if kind == "list" else int(values[0]) if kind == "integer" else values[0]
        answer: dict[str, Any] = getattr(client, method)(**arguments)
        return answer


@pytest.fixture(scope="module")
def reader(own: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    copy = copy_checkout(tmp_path_factory.mktemp("checkout"))
    shop(OldEstate(own))
    return Reader(own, copy)


def _grant(reader: Reader, function: str) -> None:
    """Let a function use the resources of one's own, by the second step of the page."""
    (block,) = (block for block in blocks(OWN) if block.step == 2)
    path = reader.checkout / "foundation" / "catalog.py"
    before, after = path.read_text().split(f'name="{function}"')
    granted = after.replace("grants=(", "grants=(" + "".join(re.findall(r"ActionGrant\(.*\),\n", block.text)), 1)
    line = "from foundation.grants import ActionGrant\n"
    path.write_text(
        before.replace("from foundation.model", f"{line}from foundation.model") + f'name="{function}"{granted}'
    )


def _requirements(output: str) -> set[str]:
    return set(re.findall(r"^ ?(\d+)  .*: \d+ findings?", output, re.MULTILINE))


def test_the_page_moves_an_estate_and_counts_every_order_once(own: EmbeddedAws, reader: Reader) -> None:
    old, failed = (
        own.client("sqs").get_queue_url(QueueName=f"prod-orders-{name}")["QueueUrl"] for name in ("queue", "dead")
    )
    send(own, old, [order(number) for number in BEFORE])
    mark = own.denials_recorded()
    reader.follow(1, code=1)
    assert _requirements(reader.output) == {str(number) for number in range(1, 11)}
    reader.follow(2)
    assert own.denials(mark) == []
    reader.follow(3)
    reader.follow(1, page=OWN)
    _grant(reader, "orders-lookup")
    reader.follow(4)
    send(own, old, [order(number) for number in DURING])
    new = own.client("sqs").get_queue_url(QueueName="queue-orders-local")["QueueUrl"]
    send(own, new, [order(number) for number in AFTER])
    expect_soon(lambda: depth(own, old) == (0, 0), "the old queue is empty")
    reader.follow(5)
    assert json.loads(reader.output)["price"] == "6"
    expect_soon(lambda: depth(own, failed) == depth(own, new) == (0, 0), "the queues are empty")
    stored = {name: item["times_stored"]["N"] for name, item in items(own, "table-orders-local").items()}
    assert stored == {f"order-{number}": "1" for number in (*BEFORE, *DURING, *AFTER, "failed")}
    reader.follow(6)
    reader.follow(7)
    assert _requirements(reader.output) == set()


def _tags(aws: EmbeddedAws, bucket: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in aws.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]}


def test_resources_of_ones_own_are_granted_tagged_watched_and_removed(own: EmbeddedAws, reader: Reader) -> None:
    bucket, s3 = f"bucket-reports-{ACCOUNT}-local", own.client("s3")
    assert set(_tags(own, bucket)) == set(TAG_KEYS)
    iam, role = own.client("iam"), "role-orders-lookup-local"
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    statements = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    granted = {action for one in statements for action in listed(one["Action"])}
    assert {"s3:PutObject", "sns:Publish"} <= granted
    reader.run("scripts/estate tags --json", 0)
    coverage = json.loads(reader.output)
    assert (coverage["tagged"], coverage["incomplete"]) == (coverage["taggable"], [])
    reader.run("scripts/estate permissions data --json", 0)
    unknown = {"aws:s3/bucket:Bucket", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"}
    assert set(json.loads(reader.output)["unknown"]) == unknown
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "Owner", "Value": "somebody else"}]})
    reader.run("scripts/estate drift --json", 1)
    drifted = {(one["resource"], one["property"], one["class"]) for one in json.loads(reader.output)["drifted"]}
    assert {(resource, class_) for resource, _, class_ in drifted} == {("reports-bucket", "other")}
    reader.run("scripts/destroy_all.sh", 0)
    # The one that is left had nothing to do with either estate.
    topics = [one["TopicArn"].rpartition(":")[2] for one in own.client("sns").list_topics()["Topics"]]
    assert (s3.list_buckets()["Buckets"], topics) == ([], ["pager"])
