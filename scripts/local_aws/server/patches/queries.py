"""CloudWatch Logs: saved queries (query definitions), which ministack lacks."""

from __future__ import annotations

import json
import time
from typing import Any

from local_aws.server.patches.target import cloudwatch_logs, new_uuid, responses

_KEPT = ("name", "queryString", "queryLanguage", "logGroupNames")
_MOST = 1000

_definitions = responses.AccountRegionScopedDict()


def apply() -> None:
    """Make the corrections."""
    handle, get_state, load = (
        cloudwatch_logs.handle_request, cloudwatch_logs.get_state, cloudwatch_logs.load_persisted_state,
    )  # fmt: skip

    async def with_definitions(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        action = _ACTIONS.get(headers.get("x-amz-target", "").rpartition(".")[2])
        return action(json.loads(body or b"{}")) if action else await handle(method, path, headers, body, query)

    def load_with_definitions(data: dict[str, Any]) -> None:
        load(data)
        _definitions.update(data.get("query_definitions", {}))

    cloudwatch_logs.handle_request = with_definitions
    cloudwatch_logs.get_state = lambda: get_state() | {"query_definitions": _definitions}
    cloudwatch_logs.load_persisted_state = load_with_definitions


def _put(data: dict[str, Any]) -> Any:
    # The token is the same when a call is repeated because its answer was lost: that must not make a second one.
    identifier = data.get("queryDefinitionId") or data.get("clientToken") or new_uuid()
    if data.get("queryDefinitionId") and identifier not in _definitions:
        return _missing(identifier)
    if not data.get("name") or not data.get("queryString"):
        return responses.error_response_json("InvalidParameterException", "name and queryString are required", 400)
    kept = {key: data[key] for key in _KEPT if data.get(key)}
    given = {"queryDefinitionId": identifier, "lastModified": int(time.time() * 1000)}
    _definitions[identifier] = {"queryLanguage": "CWLI"} | kept | given
    return responses.json_response({"queryDefinitionId": identifier})


def _describe(data: dict[str, Any]) -> Any:
    prefix, first = data.get("queryDefinitionNamePrefix") or "", int(data.get("nextToken") or 0)
    last = first + (data.get("maxResults") or _MOST)
    matching = [one for one in _definitions.values() if one["name"].startswith(prefix)]
    found = sorted(matching, key=lambda one: one["name"])
    more = {"nextToken": str(last)} if last < len(found) else {}
    return responses.json_response({"queryDefinitions": found[first:last], **more})


def _delete(data: dict[str, Any]) -> Any:
    identifier = data.get("queryDefinitionId", "")
    if _definitions.pop(identifier, None) is None:
        return _missing(identifier)
    return responses.json_response({"success": True})


def _missing(identifier: str) -> Any:
    return responses.error_response_json("ResourceNotFoundException", f"There is no query definition {identifier}", 400)


_ACTIONS = {"PutQueryDefinition": _put, "DescribeQueryDefinitions": _describe, "DeleteQueryDefinition": _delete}
