"""What ministack works out anew with every request, although the answer depends on nothing but the question."""

from __future__ import annotations

from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any

from local_aws.server.patches.target import dynamodb, iam_evaluator

if TYPE_CHECKING:
    from collections.abc import Callable

_ENTRIES = 4096


def apply() -> None:
    """Remember the answers: without that they are more than a third of what an event costs the emulator."""
    dynamodb._condition_syntax_error = _remembered(dynamodb._condition_syntax_error)
    dynamodb._ddb_canonicalize_number = _remembered(dynamodb._ddb_canonicalize_number)
    iam_evaluator.parse_policy_document = _remembered(iam_evaluator.parse_policy_document)


def _remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its answers to texts kept; what else it is asked goes to it directly."""
    answers = lru_cache(_ENTRIES)(function)

    @wraps(function)
    def asked(*question: Any) -> Any:
        return (answers if all(isinstance(word, str) for word in question) else function)(*question)

    return asked
