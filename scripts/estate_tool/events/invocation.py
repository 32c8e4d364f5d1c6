"""One call of a function with any payload, its answer and the end of its log."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from estate_tool.core.untrusted import decoded, mapping, text_of
from foundation.naming import ALIAS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from estate_tool.core.environment import Environment

LARGEST_BYTES = 6 * 1_048_576
"""Payload of a synchronous call ("Lambda quotas")."""


@dataclass(frozen=True)
class Answer:
    """Outcome of a call: the text of the answer, the reason if it failed, lines of its log (the last 4 KB)."""

    text: str
    error: str | None
    version: str
    log: tuple[str, ...]
    seconds: float


def client(environment: Environment) -> Any:
    """Return a Lambda client that waits for the longest call there is (900 s) and never makes the same one twice."""
    import boto3
    from botocore.config import Config

    once = Config(region_name=environment.configuration.region, read_timeout=920, retries={"total_max_attempts": 1})
    return boto3.client("lambda", config=once)


def invoke(functions: Any, name: str, payload: bytes, qualifier: str = ALIAS) -> Answer:
    """Call the alias of the function of that physical name and wait for its answer; boto3's errors pass through."""
    started = time.monotonic()
    response = functions.invoke(
        FunctionName=name, Qualifier=qualifier, InvocationType="RequestResponse", LogType="Tail", Payload=payload
    )
    text = response["Payload"].read().decode("utf-8", "replace")
    seconds = time.monotonic() - started
    tail = base64.b64decode(response.get("LogResult") or "").decode("utf-8", "replace")
    error = _reason(mapping(decoded(text)), text) if response.get("FunctionError") else None
    return Answer(text, error, str(response.get("ExecutedVersion") or ""), tuple(tail.splitlines()), seconds)


def _reason(error: Mapping[str, Any], answer: str) -> str:
    """Return the reason that the answer of a failed call names; where it names none, the beginning of the answer."""
    message = text_of(error.get("errorMessage")) or repr(answer[:200])
    return f"{text_of(error.get('errorType')) or 'error'}: {message}"
