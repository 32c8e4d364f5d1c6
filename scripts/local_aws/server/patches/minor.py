"""Corrections of a few lines: caches, more resources found by tags, the list of provisioned concurrency."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, wraps
from random import getrandbits
from typing import Any
from uuid import UUID

from local_aws.server.patches.target import (
    cloudwatch,
    cloudwatch_logs,
    dynamodb,
    iam_evaluator,
    lambda_svc,
    responses,
    sqs,
    tagging,
)  # fmt: skip


def apply() -> None:
    """Make the corrections."""
    _cache_results()
    _find_by_tags()
    _list_provisioned_concurrency()


# --- caches ----------------------------------------------------------------------------------------------------------

_ENTRIES = 4096


def _cache_results() -> None:
    """Cache the results, which take more than a third of the emulator's time for an event.

    Message IDs come from Python's generator: the system's takes a tenth of the time for a message.
    """
    dynamodb._condition_syntax_error = _cached(dynamodb._condition_syntax_error)
    dynamodb._ddb_canonicalize_number = _cached(dynamodb._ddb_canonicalize_number)
    iam_evaluator.parse_policy_document = _cached(iam_evaluator.parse_policy_document)
    sqs._owner_from_queue_arn = _cached(sqs._owner_from_queue_arn)
    sqs._queue_ref_from_urlish = _cached(sqs._queue_ref_from_urlish)
    sqs.new_uuid = lambda: str(UUID(int=getrandbits(128), version=4))


def _cached(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with its results cached, if all arguments are strings."""
    cached = lru_cache(_ENTRIES)(function)

    @wraps(function)
    def call(*arguments: Any) -> Any:
        return (cached if all(isinstance(one, str) for one in arguments) else function)(*arguments)

    return call


# --- Resource Groups Tagging -----------------------------------------------------------------------------------------

Found = Iterator[tuple[str, list[dict[str, str]]]]


def _find_by_tags() -> None:
    """Add log groups, alarms and event source mappings."""
    functions = tagging._collect_lambda

    def with_mappings() -> Found:
        yield from functions()
        for mapping in lambda_svc._esms.values():
            yield lambda_svc._esm_arn(mapping["UUID"]), _pairs(mapping.get("Tags"))

    tagging._COLLECTORS |= {"lambda": with_mappings, "logs": _log_groups, "cloudwatch": _alarms}


def _log_groups() -> Found:
    for group in cloudwatch_logs._log_groups.values():
        yield group["arn"].removesuffix(":*"), _pairs(group["tags"])


def _alarms() -> Found:
    for arn, tags in cloudwatch._resource_tags.items():
        yield arn, _pairs(tags)


def _pairs(tags: dict[str, Any] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


# --- ListProvisionedConcurrencyConfigs -------------------------------------------------------------------------------


def _list_provisioned_concurrency() -> None:
    """List all of a function's provisioned concurrency; ministack takes the listing for a get."""
    one = lambda_svc._get_provisioned_concurrency

    def one_or_all(name: str, qualifier: str | None) -> Any:
        # Only the listing has no qualifier ("ListProvisionedConcurrencyConfigs").
        if qualifier or name not in lambda_svc._functions:
            return one(name, qualifier)
        kept = lambda_svc._functions[name].get("provisioned_concurrency", {})
        arn = lambda_svc._func_arn(name)
        return responses.json_response(
            {
                "ProvisionedConcurrencyConfigs": [
                    {**config, "FunctionArn": f"{arn}:{key}"} for key, config in kept.items()
                ]
            }
        )

    lambda_svc._get_provisioned_concurrency = one_or_all
