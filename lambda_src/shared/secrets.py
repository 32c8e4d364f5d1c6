"""Secrets by name, from SSM Parameter Store or Secrets Manager: read when they are needed, kept for minutes in memory.

Values are in no environment variable, log line or error text; a rotated one is in use after LONGEST_AGE_SECONDS.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from shared.aws import AwsClient, AwsError, Caller
from shared.deadline import Deadline
from shared.environment import SecretName

LONGEST_AGE_SECONDS = 300.0
_MISSING = {"ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException"}
_KINDS = {"ssm": "SSM parameter", "secretsmanager": "Secrets Manager secret"}


class SecretProblem(Exception):
    """A secret that is missing, empty or no text; its owner has to put it there."""


class Secret:
    """One secret; not for use by several threads at once."""

    def __init__(
        self,
        name: SecretName,
        client: Callable[[str], Caller] = AwsClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._client = client(name.service)
        self._clock = clock
        self._value = ""
        self._read_at: float | None = None

    def read(self, deadline: Deadline) -> str:
        """Return the value, at most LONGEST_AGE_SECONDS old; raise SecretProblem or AwsError."""
        if self._read_at is None or self._clock() - self._read_at >= LONGEST_AGE_SECONDS:
            self._read_at = None
            started = self._clock()
            self._value = self._fetch(deadline)
            self._read_at = started
        return self._value

    def forget(self) -> None:
        """Have it read anew, as when a partner has refused the value that was rotated meanwhile."""
        self._read_at, self._value = None, ""

    def _fetch(self, deadline: Deadline) -> str:
        service, name = self._name
        secret = f"the {_KINDS[service]} {name}"
        operation, key, request, put = _CALLS[service]
        try:
            answer = self._client.call(operation, {**request, key: name}, deadline)
        except AwsError as error:
            if error.code in _MISSING:
                raise SecretProblem(f"{secret} does not exist; create it: {put} {name} …") from error
            raise
        value = _value(service, answer)
        if not value:
            raise SecretProblem(f"{secret} holds no text that is encrypted; put one there: {put} {name} …")
        return value


# By service: the operation, the member that takes the name, the others, and the command that puts a value there.
_CALLS: Mapping[str, tuple[str, str, Mapping[str, Any], str]] = {
    "ssm": ("GetParameter", "Name", {"WithDecryption": True}, "aws ssm put-parameter --type SecureString --name"),
    "secretsmanager": ("GetSecretValue", "SecretId", {}, "aws secretsmanager create-secret --name"),
}


def _value(service: str, answer: Mapping[str, Any]) -> str:
    """Return the text of an answer; empty for binary secrets and for parameters that are not encrypted."""
    if service == "secretsmanager":
        return str(answer.get("SecretString") or "")
    parameter = answer.get("Parameter") or {}
    return str(parameter.get("Value") or "") if parameter.get("Type") == "SecureString" else ""
