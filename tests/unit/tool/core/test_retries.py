"""Retries of calls: transient faults, their number, permanent errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from estate_tool.core import retries
from estate_tool.core.paths import ROOT
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator


def refusal(code: str, status: int = 400) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": metadata}, "CreateQueue")


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (refusal("ThrottlingException"), True),
        (refusal("TooManyRequestsException", 429), True),
        (refusal("AnythingElse", 503), True),
        (refusal("ConcurrentUpdateException"), True),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1"), True),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1"), True),
        (refusal("AccessDeniedException", 403), False),
        (refusal("ValidationException"), False),
        (refusal("LimitExceededException"), False),
        (ValueError("Throttling"), False),
    ],
)
def test_throttling_timeouts_and_faults_of_aws_pass_and_nothing_else(error: Exception, passing: bool) -> None:
    assert retries.is_transient(error) == passing


@pytest.mark.parametrize(
    ("message", "passing"),
    [
        ("role: Throttling: Rate exceeded (operation iam:CreateRole)", True),
        ("creating Queue (q): operation error SQS: CreateQueue, https response error StatusCode: 503", True),
        ("dial tcp 52.94.1.1:443: i/o timeout", True),
        ("read: connection reset by peer", True),
        ("api error TooManyRequestsException: Rate Exceeded.", True),
        ("The role defined for the function cannot be assumed by Lambda.", True),
        (f"f: ResourceConflictException: {retries.ANSWER_LOST}: Function already exist: f", True),
        ("operation error IAM: CreateRole, https response error StatusCode: 403, api error AccessDenied: no", False),
        ("f: ResourceConflictException: Function already exist: f", False),
        ("f: ValidationException: 1 validation error detected: timeout must be at most 900", False),
        ("LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000", False),
        ("the embedded AWS at http://127.0.0.1:1 can't be reached: Could not connect to the endpoint URL", False),
    ],
)  # fmt: skip
def test_the_same_is_seen_in_what_providers_say(message: str, passing: bool) -> None:
    assert retries.is_transient_text(message) == passing


@pytest.mark.parametrize("layer", LAYER_NAMES)
def test_the_providers_of_all_layers_keep_to_the_policy(layer: str) -> None:
    config = yaml.safe_load((ROOT / layer / "Pulumi.yaml").read_text())["config"]
    assert config["aws:maxRetries"]["value"] == retries.ATTEMPTS
    assert config["aws:retryMode"]["value"] == retries.MODE


def test_a_call_that_fails_transiently_is_reported_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    said: list[str] = []
    config = retries.boto_config(attempts=3, region_name="us-east-1")
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "endpoint_url": "http://127.0.0.1:9"}
    client = retries.show(boto3.client("sqs", config=config, **keys), said.append)
    answers: Iterator[Any] = iter([(400, "ThrottlingException"), (500, "InternalFailure"), (400, "AccessDenied")])

    def answer(**_: object) -> AWSResponse:
        status, code = next(answers)
        body = f'{{"__type": "{code}", "message": "m"}}'.encode()
        raw = SimpleNamespace(stream=lambda: iter([body]))
        return AWSResponse("http://127.0.0.1:9", status, {"Content-Type": "application/x-amz-json-1.0"}, raw)

    client.meta.events.register("before-send.sqs", answer)
    with pytest.raises(ClientError, match="AccessDenied"):
        client.list_queues()
    assert said == [
        "sqs:ListQueues failed, trying again: ThrottlingException: m",
        "sqs:ListQueues failed, trying again: InternalFailure: m",
    ]
