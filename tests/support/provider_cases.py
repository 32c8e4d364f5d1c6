"""One life of every resource type of the local provider, from provider_cases.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from local_aws.provider.wire import ARCHIVE_SIGNATURE, ASSET_SIGNATURE, SIGNATURE_KEY, Archive

Properties = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A resource to create, change, import and delete; the keys are explained in the YAML file."""

    type: str
    inputs: Properties
    change: Properties = field(default_factory=dict[str, Any])
    imports: str = "{name}"
    drift: Properties = field(default_factory=dict[str, Any])
    remains: bool = False
    unreadable: tuple[str, ...] = ()


def archive(text: str) -> Archive:
    """Return a function's code that returns the text, which stands for the engine's hash too."""
    asset = {
        SIGNATURE_KEY: ASSET_SIGNATURE, "hash": text, "text": f"def handle(event, context):\n    return {text!r}\n",
    }  # fmt: skip
    return Archive({SIGNATURE_KEY: ARCHIVE_SIGNATURE, "hash": text, "assets": {"main.py": asset}})


def policy(**statement: Any) -> str:
    """Return a policy document with one statement that allows something."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def trust(service: str) -> str:
    """Return a role's trust policy for an AWS service."""
    return policy(Principal={"Service": service}, Action="sts:AssumeRole")


def filled(value: Any, fields: Mapping[str, Any]) -> Any:
    """Return the value with its "{field}"s filled, and with the texts and archives that its tags stand for."""
    if isinstance(value, str):
        return re.sub(r"{(\w+)}", lambda match: str(fields.get(match[1], match[0])), value)
    if isinstance(value, list):
        return [filled(item, fields) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: filled(item, fields) for key, item in value.items()}
    made = {"json": json.dumps, "archive": archive, "statement": lambda statement: policy(**statement)}
    return made[key](*found.values()) if len(found) == 1 and (key := next(iter(found))) in made else found


CASES = [Case(**case) for case in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))]

SURROUNDINGS = {
    "role": "role-a", "role_arn": "arn:aws:iam::123456789012:role/role-a", "function": "lambda-a", "table": "table-a",
    "queue_url": "http://127.0.0.1/1/queue-a", "queue_arn": "arn:aws:sqs:us-east-1:123456789012:queue-a",
    "stream_arn": "arn:aws:dynamodb:us-east-1:123456789012:table/table-a/stream/2020-01-01T00:00:00.000",
    "topic_arn": "arn:aws:sns:us-east-1:123456789012:topic-a", "bucket": "bucket-a", "log_group": "/a",
    "alias_arn": "arn:aws:lambda:us-east-1:123456789012:function:lambda-a:live", "schedule_group": "group-a",
    "dlq_url": "http://127.0.0.1/1/dlq-a", "dlq_arn": "arn:aws:sqs:us-east-1:123456789012:dlq-a", "alarm": "alarm-a",
}  # fmt: skip
"""Names of resources that the cases refer to, for tests without an AWS."""
INPUTS: Mapping[str, Properties] = {case.type: filled(case.inputs, SURROUNDINGS) for case in reversed(CASES)}
"""Inputs of each type: those of its first case."""
