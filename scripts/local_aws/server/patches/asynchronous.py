"""Asynchronous invocations: the settings of the qualifier that was called; dead-letter queues get the event."""

from __future__ import annotations

import json
import logging
import threading
import time
from contextvars import copy_context
from typing import Any

from local_aws.server.patches import access, queues
from local_aws.server.patches.execution import invoke
from local_aws.server.patches.published import count
from local_aws.server.patches.target import lambda_svc, new_uuid, on_loop, request_scope, sns

logger = logging.getLogger("lambda-async")

# AWS waits one minute before the first retry and two before the second; ministack's setting shortens that for tests.
_FIRST_PAUSE = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS


def apply() -> None:
    """Make the corrections."""
    lambda_svc.invoke_async_with_retry = invoke_later


def invoke_later(function: Any, event: Any) -> None:
    """Invoke with retries in the background, then send what failed on, as `AsynchronousInvocation` on AWS."""
    run = copy_context().run
    threading.Thread(target=run, args=(_run, function, event), daemon=True, name="lambda-async").start()


def _run(function: Any, event: Any) -> None:
    config = function.get("config") or function
    account, region = lambda_svc._account_region_from_function_config(config)
    with request_scope(account, region):
        settings = _settings(config)
        retries = settings.get("MaximumRetryAttempts", 2)
        oldest = time.monotonic() + settings.get("MaximumEventAgeInSeconds", 21600)
        attempts, result = 0, {}
        while attempts <= retries:
            if attempts:
                pause = _FIRST_PAUSE * attempts
                if time.monotonic() + pause > oldest:
                    break
                time.sleep(pause)
            result = invoke(function, event)
            attempts += 1
            if not result.get("error") and not result.get("throttle"):
                return _succeeded(settings, config, event, result)
        on_loop(_failed, settings, config, event, result, attempts)
    return None


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    """The event invoke config of the alias or version in the ARN that was called."""
    # arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
    qualifier = config["FunctionArn"].split(":")[7:]
    base = lambda_svc._functions.get(config["FunctionName"]) or {}
    found = lambda_svc._event_invoke_config(base, qualifier[0] if qualifier else None)
    return found or {}


def _succeeded(settings: dict[str, Any], config: dict[str, Any], event: Any, result: dict[str, Any]) -> None:
    target = ((settings.get("DestinationConfig") or {}).get("OnSuccess") or {}).get("Destination")
    if target:
        on_loop(deliver, target, json.dumps(_envelope(config, event, result, "Success", 1)), config)


def _failed(
    settings: dict[str, Any], config: dict[str, Any], event: Any, result: dict[str, Any], attempts: int
) -> None:
    """Send a failure record to the on-failure destination, and the event to the dead-letter queue."""
    target = ((settings.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    if target:
        deliver(target, json.dumps(_envelope(config, event, result, "RetriesExhausted", attempts)), config)
    dead_letters = (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if dead_letters:
        message = (result.get("body") or {}).get("errorMessage", "") if isinstance(result.get("body"), dict) else ""
        attributes = {"RequestID": new_uuid(), "ErrorCode": "200", "ErrorMessage": message[:1024] or "unknown"}
        if not send(config.get("Role", ""), dead_letters, json.dumps(event), attributes):
            count("AWS/Lambda", "DeadLetterErrors", 1, FunctionName=config["FunctionName"])


def deliver(destination: str, body: str, config: dict[str, Any]) -> None:
    """Send the record to a function's destination, or count the failure. On the event loop's thread."""
    if not send(config.get("Role", ""), destination, body, {}):
        count("AWS/Lambda", "DestinationDeliveryFailures", 1, FunctionName=config["FunctionName"])


def _envelope(config: dict[str, Any], event: Any, result: dict[str, Any], condition: str, count: int) -> dict[str, Any]:
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": config.get("Version", "$LATEST")}
    if result.get("error"):
        response["functionError"] = result.get("function_error") or "Unhandled"
    return {
        "version": "1.0",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "requestContext": {
            "requestId": new_uuid(), "functionArn": config["FunctionArn"], "condition": condition,
            "approximateInvokeCount": count,
        },
        "requestPayload": event,
        "responseContext": response,
        "responsePayload": result.get("body"),
    }  # fmt: skip


def send(role: str, target: str, body: str, attributes: dict[str, str]) -> bool:
    """Send in the name of a role to a queue, topic or function; False, as on AWS, when it is denied or impossible."""
    service = target.split(":")[2]
    action = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}.get(service, "")
    if not action or not access.role_allows(role, action, target):
        logger.error("the role %s may not %s to %s: a record is lost", role, action or "send", target)
        return False
    sent = _put(service, target, body, attributes)
    if not sent:
        logger.error("%s does not exist: a record is lost", target)
    return sent


def _put(service: str, target: str, body: str, attributes: dict[str, str]) -> bool:
    if service == "sqs":
        return queues.put(target, body, attributes)
    if service == "sns":
        if target in sns._topics:
            sns._fanout(target, new_uuid(), body, "", "", {})
        return target in sns._topics
    invoked, _, _ = lambda_svc._get_func_record_for_ref(target)
    if invoked:
        invoke_later(invoked, json.loads(body))
    return bool(invoked)
