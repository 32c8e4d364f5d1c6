"""Lambda for tests: functions by their names, and answers to their invocations."""

from __future__ import annotations

import base64
import io
import json
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError


class FakeLambda:
    """Configurations of functions, for which moto wants a role and code each, and an answer to every invocation.

    `answer` is a text in bytes, a value that becomes JSON, or makes either of the payload's value. A value with
    `errorType` is a failure, and so is any answer of a `failing` function. `log` is the end of its log.
    """

    class exceptions:  # noqa: N801 - botocore's name for it
        ResourceNotFoundException = ClientError

    def __init__(self, answer: Any = None, *, failing: bool = False, log: str = "") -> None:
        self.configurations: dict[str, dict[str, Any]] = {}
        self.answer, self.failing, self.log = answer, failing, log
        self.calls: list[dict[str, Any]] = []

    @property
    def payloads(self) -> list[tuple[str, Any]]:
        """Function and payload of each invocation."""
        return [(call["FunctionName"], json.loads(call["Payload"])) for call in self.calls]

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name for it
        if FunctionName not in self.configurations:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no function"}}, "Get")
        about = {
            "FunctionName": FunctionName, "LastModified": "2026-01-31T12:00:00.000+0000",
            "FunctionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{FunctionName}",
        }  # fmt: skip
        return about | self.configurations[FunctionName]

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_functions"
        listed = [self.get_function_configuration(name) for name in self.configurations]
        pages = [{"Functions": listed[first : first + 2]} for first in range(0, len(listed), 2)]
        return SimpleNamespace(paginate=lambda: pages)

    def invoke(self, **call: Any) -> dict[str, Any]:
        assert (call["Qualifier"], call["InvocationType"]) == ("live", "RequestResponse")
        self.calls.append(call)
        answer = self.answer(json.loads(call["Payload"])) if callable(self.answer) else self.answer
        failed = self.failing or (isinstance(answer, dict) and "errorType" in answer)
        return {
            "Payload": io.BytesIO(answer if isinstance(answer, bytes) else json.dumps(answer).encode()),
            "LogResult": base64.b64encode(self.log.encode()).decode(), "ExecutedVersion": "7",
            **({"FunctionError": "Unhandled"} if failed else {}),
        }  # fmt: skip


class NoAdvice:
    """Compute Optimizer, which moto lacks, in an account that has not opted in."""

    def get_paginator(self, operation: str) -> Any:
        raise ClientError({"Error": {"Code": "OptInRequiredException", "Message": "opt in"}}, operation)
