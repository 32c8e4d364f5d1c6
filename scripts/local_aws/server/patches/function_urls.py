"""Function URLs: on a loopback address, both permissions required of callers, metrics of requests."""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any

from estate_tool.core.embedded.ports import HOST
from local_aws.server.patches.published import count
from local_aws.server.patches.target import app, iam_actions, lambda_svc, request_scope

PATH = "/_aws/lambda-url/"
"""Path of function URLs here; ministack's have AWS's host names, which resolve to nothing here."""
_ON_AWS = re.compile(r"https://([a-z0-9]+)\.lambda-url\.[a-z0-9-]+\.on\.aws/")


def apply() -> None:
    """Make the corrections."""
    for name in ("create", "get", "update"):
        _with_own_url(f"_{name}_function_url_config")
    listed = lambda_svc._list_function_url_configs
    lambda_svc._list_function_url_configs = lambda name, query: _with_local_address(listed(name, query))
    _require_both_permissions()
    _add_auth_type_key()
    _count_requests()


def _with_own_url(name: str) -> None:
    """Return the configuration with a local URL, and with the alias in the function's ARN as on AWS."""
    act = getattr(lambda_svc, name)

    def acting(*given: Any) -> Any:
        result = act(*given)
        qualifier = given[-1]
        config = lambda_svc._function_urls.get(lambda_svc._url_config_key(given[0], qualifier))
        if config and qualifier and not config["FunctionArn"].endswith(f":{qualifier}"):
            config["FunctionArn"] += f":{qualifier}"
            return _with_local_address((result[0], result[1], json.dumps(config).encode()))
        return _with_local_address(result)

    setattr(lambda_svc, name, acting)


def _with_local_address(answer: Any) -> Any:
    status, headers, body = answer
    address = f"http://{HOST}:{os.environ['GATEWAY_PORT']}{PATH}"
    return status, headers, _ON_AWS.sub(rf"{address}\1/", body.decode()).encode()


def _require_both_permissions() -> None:
    """Require lambda:InvokeFunction (by URL) beside lambda:InvokeFunctionUrl, as AWS does since October 2025."""
    enforce = app._enforce_data_plane

    def both(service: str, action: str, *more: Any, **named: Any) -> Any:
        refused = enforce(service, action, *more, **named)
        if refused or action != "lambda:InvokeFunctionUrl":
            return refused
        named["service_context"] = {"lambda:InvokedViaFunctionUrl": "true"}
        return enforce(service, "lambda:InvokeFunction", *more, **named)

    app._enforce_data_plane = both


def _add_auth_type_key() -> None:
    """Add the condition key lambda:FunctionUrlAuthType to calls that create and update URLs."""
    of_tags = iam_actions.request_tag_context

    def with_kind(service: str, action: str, body: bytes, *more: Any) -> dict[str, Any]:
        keys = dict(of_tags(service, action, body, *more))
        if action in ("lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig"):
            keys["lambda:FunctionUrlAuthType"] = iam_actions._safe_json_field(body, "AuthType") or "AWS_IAM"
        return keys

    iam_actions.request_tag_context = with_kind


def _count_requests() -> None:
    serve = lambda_svc.handle_function_url_request

    async def counted(url_id: str, *request: Any, **named: Any) -> Any:
        resolved = named.get("resolved") or lambda_svc.resolve_function_url(url_id)
        started = time.monotonic()
        answer = await serve(url_id, *request, **named)
        if resolved is not None:
            account, region, name = resolved[:3]
            with request_scope(account, region):
                count("AWS/Lambda", "UrlRequestCount", 1, FunctionName=name)
                count("AWS/Lambda", f"Url{str(answer[0])[0]}xxCount", 1, FunctionName=name)
                elapsed = 1000 * (time.monotonic() - started)
                count("AWS/Lambda", "UrlRequestLatency", elapsed, "Milliseconds", FunctionName=name)
        return answer

    lambda_svc.handle_function_url_request = counted
