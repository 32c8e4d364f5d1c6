"""Resource Groups Tagging: log groups, alarms and event source mappings are found, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_aws.server.patches.target import cloudwatch, cloudwatch_logs, lambda_svc, tagging

Found = Iterator[tuple[str, list[dict[str, str]]]]


def apply() -> None:
    """Make the corrections."""
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
