"""The function of tests/support/needing.py in an account: its secrets, its callers, and what must not leak."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from tests.integration.cloud import ACCOUNT
from tests.support import needing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import EmbeddedAws

GREETING = "good morning"


class Partner:
    """The surroundings of the function: two secrets, a bucket, a role that may call it and one that may not."""

    def __init__(self, aws: EmbeddedAws, suffix: str) -> None:
        self.aws, self.name, self.values = aws, f"lambda-{needing.NAME}-{suffix}", [uuid.uuid4().hex, uuid.uuid4().hex]
        self.bucket = needing.BUCKET.format(suffix=suffix)
        self.invoker = needing.INVOKER.format(suffix=suffix)
        parameter, secret = (name.format(suffix=suffix) for name in (needing.PARAMETER, needing.SECRET))
        aws.client("ssm").put_parameter(Name=parameter, Value=self.values[0], Type="SecureString")
        aws.client("secretsmanager").create_secret(Name=secret, SecretString=self.values[1])
        aws.client("s3").create_bucket(Bucket=self.bucket)
        trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        for role in (self.invoker, "other"):
            aws.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=document)

    def remove(self) -> None:
        """Delete the roles, whose names end with the environment's suffix."""
        for role in (self.invoker, "other"):
            self.aws.client("iam").delete_role(RoleName=role)

    def works(self, url: str) -> None:
        """Call the function as its invoker, and compare the answer with the secrets."""
        status, answer = self._call(url, self.invoker)
        hashes = [hashlib.sha256(value.encode()).hexdigest() for value in self.values]
        assert (status, answer) == (200, {"greeting": GREETING, "hashes": hashes})
        kept = self.aws.client("s3").get_object(Bucket=self.bucket, Key="greeting")["Body"].read()
        assert kept.decode() == GREETING

    def is_closed_to_others(self, url: str) -> None:
        """Fail if it answers an unsigned request, another role, or its invoker past the URL."""
        assert self._call(url, "")[0] == 403
        assert self._call(url, "other")[0] == 403
        direct = self.aws.new_client("lambda", *self._keys(self.invoker))
        with pytest.raises(ClientError, match="AccessDenied"):
            direct.invoke(FunctionName=f"{self.name}:live", Payload="{}")

    def leaks_no_secret(self, states: Path) -> None:
        """Fail if the function's environment, its log or Pulumi's state holds a secret."""
        variables = self.aws.client("lambda").get_function_configuration(FunctionName=self.name)["Environment"][
            "Variables"
        ]
        assert {"SECRET_API_KEY", "SECRET_TOKEN"} <= set(variables)
        events = self.aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{self.name}")["events"]
        assert any("kept" in event["message"] for event in events)
        files = [path.read_text(errors="replace") for path in states.rglob("*") if path.is_file()]
        assert any(self.name in text for text in files)
        for text in (*files, json.dumps(variables), json.dumps(events)):
            assert not any(value in text for value in self.values)

    def _keys(self, role: str) -> tuple[str, str, str]:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        assumed = self.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="intruder")["Credentials"]
        return assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"]

    def _call(self, url: str, role: str) -> tuple[int, Any]:
        """Send a request, signed with the keys of a role unless it is empty; return the status and answer."""
        body = json.dumps({"bucket": self.bucket}).encode()
        request = AWSRequest("POST", url, {"content-type": "application/json"}, body)
        if role:
            SigV4Auth(Credentials(*self._keys(role)), "lambda", "us-east-1").add_auth(request)
        answer = URLLib3Session().send(request.prepare())
        return answer.status_code, json.loads(answer.content) if answer.status_code == 200 else answer.content
