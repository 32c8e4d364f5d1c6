"""An environment of the estate in moto: its names, its clients, and what its data layer makes."""

from __future__ import annotations

import argparse
import io
import json
import subprocess
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

import compute.config
import data.config
import foundation.config
from estate_tool.core import environment
from estate_tool.core.configuration import load
from estate_tool.deployer_policy import document
from estate_tool.engine import dry_run
from estate_tool.engine.dry_run import AccountContext, Planned
from estate_tool.rollout import lock
from foundation.naming import Names
from tests.support.schema import breaches, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


MOTO_ACCOUNT = "123456789012"
PLACE = AccountContext(account="111122223333", region="us-east-1")


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """No command of these tests waits for others to write a lease: there are none."""
    monkeypatch.setattr(lock, "_SETTLE_SECONDS", 0.0)


def configuration(compute_keys: dict[str, Any]) -> Any:
    """Configuration for commands: defaults, but for these keys of the compute layer."""
    return SimpleNamespace(
        foundation=foundation.config.parse({}, stack="dev"),
        compute=compute.config.parse(compute_keys, stack="dev"), data=data.config.parse({}, stack="dev"),
        region="us-east-1", allowed_accounts=(MOTO_ACCOUNT,),
    )  # fmt: skip


@dataclass
class Estate:
    """Environment for commands."""

    name: str = "dev"
    local: bool = False
    names: Names = field(default_factory=lambda: Names("dev"))
    clients: dict[str, Any] = field(default_factory=dict)
    configuration: Any = field(default_factory=lambda: configuration({}))

    def client(self, service: str, *, attempts: int = 1) -> Any:
        if service not in self.clients:
            self.clients[service] = boto3.client(service)
        return self.clients[service]

    def queue_url(self, name: str) -> str:
        return str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    def bodies(self, name: str) -> list[str]:
        """Take everything out of a queue."""
        sqs, url, found = self.client("sqs"), self.queue_url(name), []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found


def stubbed_client(service: str) -> tuple[Any, Stubber]:
    """A client that answers what is laid down for it, and does not reach anything."""
    client = boto3.client(service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    stub = Stubber(client)
    stub.activate()
    return client, stub


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # moto does not know the addresses that have an account's id in them.
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


@pytest.fixture
def empty_estate(aws: None, monkeypatch: pytest.MonkeyPatch) -> Estate:
    """An environment with nothing in it; commands that resolve any name get it."""
    estate = Estate()
    monkeypatch.setattr(environment, "resolve", lambda _name: estate)
    monkeypatch.setattr(environment, "known", lambda: ["dev", "local"])
    return estate


@pytest.fixture
def estate(empty_estate: Estate) -> Estate:
    """An environment with its data layer."""
    sqs = empty_estate.client("sqs")
    dead = sqs.create_queue(QueueName="dlq-ingest-dev")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    sqs.create_queue(QueueName="queue-ingest-dev", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})
    for table, key in (("table-events-dev", "event_key"), ("table-pages-dev", "page")):
        empty_estate.client("dynamodb").create_table(
            TableName=table,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
    return empty_estate


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command module with a command line; the exit code, stdout and stderr."""

    def calling(module: Any, *arguments: str, stdin: bytes = b"", reader: type[io.BytesIO] = io.BytesIO) -> Any:
        from estate_tool.core.errors import EstateError, show

        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(reader(stdin)))
        try:
            code = module.run(parser.parse_args(arguments))
        except EstateError as error:
            show(error)
            code = error.exit_code
        out, err = capsys.readouterr()
        if "--json" in arguments and out:
            command = module.__name__.rpartition(".")[2].replace("_", "-")
            lines = out.splitlines() if "--follow" in arguments else [out]
            name = "logs-event" if "--follow" in arguments else name_of(command, arguments)
            assert [breach for line in lines for breach in breaches(name, json.loads(line))] == []
        return SimpleNamespace(code=code, out=out, err=err)

    return calling


@pytest.fixture(scope="session")
def resources() -> list[Planned]:
    """Everything that a rollout of all layers would make in the account of PLACE."""
    target = environment.Environment(name="dev", local=False, configuration=load("dev"))
    return dry_run.resources(target, PLACE, lambda kind, inputs: document.arn(kind, inputs, PLACE))


@pytest.fixture
def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid
