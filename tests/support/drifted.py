"""An engine whose comparison finds drift, and functions with permissions that no layer declares."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from estate_tool.engine.checkpoint import Record, StackState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TABLE = "aws:dynamodb/table:Table"
TARGET = "aws:appautoscaling/target:Target"
SCHEDULE = "aws:appautoscaling/scheduledAction:ScheduledAction"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
QUERY = {"resourceId": "function:lambda-query-dev:live", "scalableDimension": "lambda:function:ProvisionedConcurrency"}
READS = {"resourceId": "table/table-events-dev", "scalableDimension": "dynamodb:table:ReadCapacityUnits"}


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::data::estate:data:Some${kind}::{name}"


def resource(kind: str, logical: str, **inputs: Any) -> dict[str, Any]:
    return {"urn": urn(kind, logical), "type": kind, "id": inputs.get("name", logical), "inputs": inputs}


STATE = [
    resource(TABLE, "events", name="table-events-dev"),
    resource(TABLE, "pages", name="table-pages-dev"),
    resource(TARGET, "reads", minCapacity=1, maxCapacity=50, **READS),
    resource(PROVISIONED, "provisioned", functionName="lambda-query-dev", qualifier="live"),
    resource(TARGET, "provisioned-target", minCapacity=2, maxCapacity=5, **QUERY),
    resource(SCHEDULE, "peak", scalableTargetAction={"minCapacity": 3, "maxCapacity": 5}, **QUERY),
    resource(SCHEDULE, "night", scalableTargetAction={"minCapacity": 1, "maxCapacity": 5}, **QUERY),
]


class FakeEngine:
    """An engine whose comparison reports the given steps of layer data."""

    stack, version = "dev", "3.259.0"

    def __init__(self, *steps: dict[str, Any], diagnostic: str = "", resources: int = 7) -> None:
        self.steps, self._diagnostic, self._resources = steps, diagnostic, resources
        self.refreshed: dict[str, list[str]] = {}
        self.put_back: dict[str, Any] = {}
        # What a preview would change; only of layers whose state is not the result of a rollout that ended well.
        self.foreseen: list[dict[str, Any]] = []

    def export_versioned(self, layer: str) -> dict[str, Any]:
        return {"version": 3, "deployment": self.export(layer)}

    def replace(self, layer: str, exported: Any) -> None:
        self.put_back[layer] = exported

    def former(self) -> dict[str, str]:
        return {}

    def lease(self) -> str | None:
        return None

    def export(self, layer: str) -> dict[str, Any]:
        return {"resources": STATE if layer == "data" else []}

    def states(self) -> dict[str, StackState]:
        stack = {"urn": "urn:s", "type": "pulumi:pulumi:Stack"}
        found = {}
        for layer in ("data", "compute", "foundation") if self._resources else ():
            state = StackState(deployment={"resources": [stack, *self.export(layer)["resources"]]})
            record = Record(inputs="i", state="touched since" if self.foreseen else state.digest)
            found[layer] = StackState(deployment=state.deployment, record=record)
        return found

    def preview(self, layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        assert self.foreseen, "a layer that was rolled out to its end is not previewed"
        for metadata in self.foreseen if layer == "data" else ():
            on_event({"resourcePreEvent": {"metadata": metadata}})
        return ""

    def compare(self, layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        for metadata in self.steps if layer == "data" else ():
            on_event({"resOutputsEvent": {"metadata": metadata, "planning": True}})
        return self._diagnostic

    def refresh(self, layer: str, urns: list[str], on_event: object) -> str:
        self.refreshed[layer] = urns
        return ""


def step(kind: str, name: str, old: dict[str, Any], new: dict[str, Any] | None, *paths: str) -> dict[str, Any]:
    return {
        "op": "update" if new is not None else "delete", "urn": urn(kind, name), "type": kind,
        "old": {"id": "the-id", "outputs": old}, "new": new and {"outputs": new},
        "detailedDiff": {path: {"diffKind": "update"} for path in paths},
    }  # fmt: skip


UNTAGGED = step(TABLE, "pages", {"tags": {"Owner": "me"}}, {"tags": {}}, "tags.Owner")


class Policies:
    """Functions' policies by qualifier, as Lambda has them."""

    def __init__(self) -> None:
        self.statements: dict[str, dict[str, Any]] = {
            "": {"undeclared": {"Principal": "*"}},
            "live": {"declared": {"Principal": "own"}, "other": {"Principal": "s3"}},
        }
        self.addresses: dict[str, str] = {}

    def get_policy(self, FunctionName: str, Qualifier: str = "") -> dict[str, str]:  # noqa: N803 - AWS's names
        assert FunctionName == "lambda-a-dev"
        if Qualifier not in self.statements:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetPolicy")
        statements = [{"Sid": sid, **statement} for sid, statement in self.statements[Qualifier].items()]
        return {"Policy": json.dumps({"Statement": statements})}

    def remove_permission(self, FunctionName: str, StatementId: str, Qualifier: str = "") -> None:  # noqa: N803
        assert FunctionName == "lambda-a-dev"
        del self.statements[Qualifier][StatementId]
        if not self.statements[Qualifier]:
            del self.statements[Qualifier]  # a function without permissions has no policy

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_function_url_configs"
        arn = "arn:aws:lambda:us-east-1:123456789012:function:lambda-a-dev"
        configs = [
            {"FunctionUrl": url, "FunctionArn": f"{arn}:{qualifier}".rstrip(":"), "AuthType": "NONE"}
            for qualifier, url in self.addresses.items()
        ]
        pages = SimpleNamespace(build_full_result=lambda: {"FunctionUrlConfigs": configs})
        return SimpleNamespace(paginate=lambda FunctionName: pages)  # noqa: N803, ARG005

    def delete_function_url_config(self, FunctionName: str, Qualifier: str = "") -> None:  # noqa: N803
        assert FunctionName == "lambda-a-dev"
        del self.addresses[Qualifier]
