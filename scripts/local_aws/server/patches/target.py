"""ministack's modules, untyped, as the corrections reach into them. Only the emulator's own environment has them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any


def _module(name: str) -> Any:
    return import_module(f"ministack.{name}")


app = _module("app")
arn = _module("core.arn")
concurrency = _module("core.concurrency")
iam_actions = _module("core.iam_actions")
iam_evaluator = _module("core.iam_evaluator")
lambda_runtime = _module("core.lambda_runtime")
responses = _module("core.responses")

cloudwatch = _module("services.cloudwatch")
cloudwatch_logs = _module("services.cloudwatch_logs")
dynamodb = _module("services.dynamodb")
eventbridge = _module("services.eventbridge")
iam = _module("services.iam")
lambda_svc = _module("services.lambda_svc")
scheduler = _module("services.scheduler")
sns = _module("services.sns")
sqs = _module("services.sqs")
sts = _module("services.sts")
tagging = _module("services.tagging")

get_account_id: Callable[[], str] = responses.get_account_id
get_region: Callable[[], str] = responses.get_region
new_uuid: Callable[[], str] = responses.new_uuid
request_scope: Callable[[str, str], AbstractContextManager[None]] = responses.request_scope
"""Account and region for the block."""
