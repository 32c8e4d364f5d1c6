"""Caches of what ministack works out anew with every request."""

from __future__ import annotations

from functools import lru_cache, wraps
from random import getrandbits
from typing import TYPE_CHECKING, Any
from uuid import UUID

from local_aws.server.patches.target import dynamodb, iam_evaluator, sqs

if TYPE_CHECKING:
    from collections.abc import Callable

_ENTRIES = 4096


def apply() -> None:
    """Remember the answers: without that they are more than a third of what an event costs the emulator.

    Names of messages are drawn without asking the system for each, which is a tenth of what a message costs.
    """
    dynamodb._condition_syntax_error = _remembered(dynamodb._condition_syntax_error)
    dynamodb._ddb_canonicalize_number = _remembered(dynamodb._ddb_canonicalize_number)
    iam_evaluator.parse_policy_document = _remembered(iam_evaluator.parse_policy_document)
    sqs._owner_from_queue_arn = _remembered(sqs._owner_from_queue_arn)
    sqs._queue_ref_from_urlish = _remembered(sqs._queue_ref_from_urlish)
    sqs.new_uuid = lambda: str(UUID(int=getrandbits(128), version=4))


def _remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its answers to texts kept; what else it is asked goes to it directly."""
    answers = lru_cache(_ENTRIES)(function)

    @wraps(function)
    def asked(*question: Any) -> Any:
        return (answers if all(isinstance(word, str) for word in question) else function)(*question)

    return asked
