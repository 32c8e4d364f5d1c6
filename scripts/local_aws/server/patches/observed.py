"""Counts what ministack does for the metrics that AWS's services publish: messages, capacity units, executions."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from local_aws.server.patches.published import count, count_messages
from local_aws.server.patches.target import dynamodb, lambda_svc, sqs

# Their answers have the consumed capacity only on request.
_SEVERAL_ITEMS = {
    "_transact_write_items": "Write", "_batch_write_item": "Write", "_transact_get_items": "Read",
    "_batch_get_item": "Read", "_batch_execute_statement": "Write",
}  # fmt: skip

_running: Counter[str] = Counter()
_counting = threading.Lock()


def apply() -> None:
    """Make the corrections."""
    _count_messages()
    _count_capacity()
    run = lambda_svc._execute_function
    lambda_svc._execute_function = lambda function, event: _executed(run, function, event)


def _count_messages() -> None:
    def counted(action: str, metric: str, number: Callable[[Any], int]) -> None:
        act = sqs._HANDLERS[action]

        def acting(data: dict[str, Any], url: str) -> Any:
            result = act(data, url)
            count_messages(sqs._get_q(data.get("QueueUrl", url)), metric, number(result))
            return result

        sqs._HANDLERS[action] = acting

    for verb, metric in (("Send", "NumberOfMessagesSent"), ("Delete", "NumberOfMessagesDeleted")):
        counted(f"{verb}Message", metric, lambda _: 1)
        counted(f"{verb}MessageBatch", metric, lambda result: len(result["Successful"]))
    collect = sqs._collect_msgs

    def collected(queue: dict[str, Any], most: int, visibility: int) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = collect(queue, most, visibility)
        count_messages(queue, "NumberOfMessagesReceived", len(messages))
        return messages

    sqs._collect_msgs = collected


def _count_capacity() -> None:
    add = dynamodb._add_consumed_capacity

    def counted(result: Any, data: Any, table: str, write: bool = False, **more: Any) -> None:
        answer: dict[str, Any] = {}
        add(answer, {**data, "ReturnConsumedCapacity": "TOTAL"}, table, write=write, **more)
        units = answer["ConsumedCapacity"]["CapacityUnits"]
        count("AWS/DynamoDB", f"Consumed{'Write' if write else 'Read'}CapacityUnits", units, TableName=table)
        add(result, data, table, write=write, **more)

    dynamodb._add_consumed_capacity = counted
    for name, direction in _SEVERAL_ITEMS.items():
        _ask_for_capacity(name, direction)


def _ask_for_capacity(name: str, direction: str) -> None:
    """Record the capacity consumed by an operation on several items; answers have it only on request."""
    act = getattr(dynamodb, name)

    def acting(data: dict[str, Any]) -> Any:
        asked = data.get("ReturnConsumedCapacity", "NONE")
        status, headers, body = act({**data, "ReturnConsumedCapacity": "TOTAL"} if asked == "NONE" else data)
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        for consumed in answer.get("ConsumedCapacity", []):
            units, table = consumed["CapacityUnits"], consumed["TableName"]
            count("AWS/DynamoDB", f"Consumed{direction}CapacityUnits", units, TableName=table)
        if asked == "NONE" and answer.pop("ConsumedCapacity", None) is not None:
            body = json.dumps(answer, ensure_ascii=False).encode()
        return status, headers, body

    setattr(dynamodb, name, acting)


def _executed(run: Callable[[Any, Any], Any], function: Any, event: Any) -> Any:
    """Run the function and count its concurrent executions."""
    config = function.get("config") or function
    if lambda_svc._function_config_scope_mismatch(config):
        return run(function, event)  # which comes back here in the right scope
    arn = config["FunctionArn"]
    keys = (lambda_svc._inflight_key(config), arn)
    with _counting:
        _running.update(keys)
        together, of_qualifier = (_running[key] for key in keys)
    try:
        name = config["FunctionName"]
        count("AWS/Lambda", "ConcurrentExecutions", together, FunctionName=name)
        _count_provisioned(name, arn, of_qualifier)
        return run(function, event)
    finally:
        with _counting:
            _running.subtract(keys)


def _count_provisioned(name: str, arn: str, running: int) -> None:
    """Count the use of provisioned concurrency: the invocation spills over if all environments are busy."""
    qualifier = ":".join(arn.split(":")[7:])
    settings = (lambda_svc._functions.get(name) or {}).get("provisioned_concurrency", {}).get(qualifier)
    if not settings:
        return
    allocated = settings["AllocatedProvisionedConcurrentExecutions"]
    spilled = running > allocated
    values = {
        "ProvisionedConcurrencyInvocations": 0 if spilled else 1,
        "ProvisionedConcurrencySpilloverInvocations": 1 if spilled else 0,
        "ProvisionedConcurrencyUtilization": min(1.0, running / allocated),
    }
    for metric, value in values.items():
        count("AWS/Lambda", metric, value, FunctionName=name, Resource=f"{name}:{qualifier}")
