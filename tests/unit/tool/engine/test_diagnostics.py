"""Parts of an error message."""

from __future__ import annotations

import pytest

from estate_tool.engine.diagnostics import Diagnostic, hint

REFUSED = "https response error StatusCode: 400, RequestID: 7e3f98e7-e688"
URN = "urn:pulumi:local::data::estate:data:DeadLetteredQueue$aws:sqs/queue:Queue::queue-ingest-queue"


@pytest.mark.parametrize(
    ("message", "code", "action"),
    [
        (
            "AccessDenied: User: arn:aws:iam::1:u is not authorized to perform: sqs:CreateQueue (operation X)",
            "AccessDenied", "sqs:CreateQueue",
        ),
        (
            "creating SQS Queue (queue-a): operation error SQS: CreateQueue, api error AWS.SQS.DeletedRecently: no",
            "AWS.SQS.DeletedRecently", "CreateQueue",
        ),
        (
            "An error occurred (LimitExceededException) when calling the CreateTable operation: too many",
            "LimitExceededException", "CreateTable",
        ),
        (
            f"operation error Lambda: PutProvisionedConcurrencyConfig, {REFUSED}, InvalidParameterValueException: no",
            "InvalidParameterValueException", "PutProvisionedConcurrencyConfig",
        ),
        (
            f"creating Bucket: operation error S3: CreateBucket, {REFUSED}, HostID: a/b=, BucketAlreadyExists: no",
            "BucketAlreadyExists", "CreateBucket",
        ),
        ("queue-ingest-queue: Throttling: Rate exceeded (operation sqs:TagQueue)", "Throttling", "TagQueue"),
        ("ValidationError: no (operation application-autoscaling:PutPolicy)", "ValidationError", "PutPolicy"),
        ("layer foundation has no output 'suffix'; deploy it first: scripts/deploy_layer.sh foundation dev", "", ""),
        ("Missing required property 'name'", "", ""),
    ],
)  # fmt: skip
def test_the_reason_and_the_action_are_found_where_aws_names_them(message: str, code: str, action: str) -> None:
    diagnostic = Diagnostic(message=message, urn=URN)
    assert (diagnostic.code, diagnostic.action) == (code, action)
    assert (diagnostic.type, diagnostic.name) == ("aws:sqs/queue:Queue", "queue-ingest-queue")


def test_what_is_not_known_is_null_for_machines() -> None:
    report = Diagnostic(message="the stack is locked").to_dict()
    assert report.pop("message") == "the stack is locked"
    assert set(report.values()) == {None}


@pytest.mark.parametrize(
    ("diagnostic", "way"),
    [
        ("error: incorrect passphrase", "PULUMI_CONFIG_PASSPHRASE"),
        ("write /x: no space left on device", "free some space"),
        ("dial tcp: lookup api.pulumi.com: no such host", "check the network"),
        ("NoCredentialProviders: no valid providers in chain", "sign in to AWS"),
        ("something else", "scripts/estate doctor"),
    ],
)
def test_the_engines_diagnostics_have_a_way_out(diagnostic: str, way: str) -> None:
    assert way in hint(diagnostic)
