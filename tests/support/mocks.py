"""A recording stand-in for the Pulumi engine: runs a program to its end and keeps all it registered, as plain values.

Property names are those on the wire (camelCase). StackReferences are answered from the outputs that the lower layers'
own runs exported, so that what one layer reads is what another one really wrote.
"""

import asyncio
import contextvars
import json
import runpy
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc, set_all_config
from pulumi.runtime.settings import configure
from pulumi.runtime.stack import run_in_stack

from foundation.catalog import CATALOG
from foundation.layers import LAYERS, layer, project
from foundation.values import PerEnvironment
from tests.support import fake_aws

ROOT = Path(__file__).parents[2]
STACK_REFERENCE = "pulumi:pulumi:StackReference"
# Settings by which there is a resource of every type.
OPTIONAL: Mapping[str, str] = {"observability:monthlyBudget": "25"}


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One registered resource or component; `parent` and `dependencies` are URNs, "" is a parent outside."""

    type: str
    name: str
    urn: str
    parent: str
    custom: bool
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    dependencies: frozenset[str]
    ignore_changes: tuple[str, ...]
    protect: bool
    retain_on_delete: bool
    # None where the provider decides.
    delete_before_replace: bool | None
    aliases: tuple[str, ...]

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags it is given; empty without any."""
        return self.inputs.get("tags") or {}


@dataclass
class Recording:
    """Recording of one program: resources in the order of arrival, and exports."""

    registrations: list[Registration] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def resources(self) -> list[Registration]:
        """The resources of providers: neither components nor references to other stacks."""
        return [item for item in self.registrations if item.custom and item.type != STACK_REFERENCE]

    @property
    def components(self) -> list[Registration]:
        """The components."""
        return [item for item in self.registrations if not item.custom]

    def of(self, type_: str) -> list[Registration]:
        """The registrations of a type: the whole token, or its end (`Queue`, `sqs/queue:Queue`)."""
        return [item for item in self.registrations if item.type == type_ or item.type.endswith(f":{type_}")]

    def one(self, type_: str, **inputs: object) -> Registration:
        """The only registration of a type with these inputs, or an error with what there is."""
        found = [item for item in self.of(type_) if all(item.inputs.get(key) == value for key, value in inputs.items())]
        if len(found) != 1:
            known = [(item.type, item.name, {key: item.inputs.get(key) for key in inputs}) for item in self.of(type_)]
            raise AssertionError(f"{len(found)} registrations of {type_} with {inputs}; of this type: {known}")
        return found[0]

    def named(self, logical_name: str) -> Registration:
        """The only registration with a logical name."""
        found = [item for item in self.registrations if item.name == logical_name]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} named {logical_name}; all: {[i.name for i in self.registrations]}")
        return found[0]


class UnexpectedCall(Exception):
    """A call of a program that the tests have no answer to."""


class _Mocks(mocks.Mocks):
    def __init__(self, upstream: Mapping[str, Mapping[str, Any]]) -> None:
        self._upstream = upstream

    def call(self, args: mocks.MockCallArgs) -> Any:
        if args.token not in fake_aws.INVOKES:
            raise UnexpectedCall(f"function {args.token} with {args.args}")
        return fake_aws.INVOKES[args.token]

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ == STACK_REFERENCE:
            # Asked by its full name, so that a bare one, which means a stack of one's own project, does not pass.
            stack = args.resource_id or args.name
            if stack not in self._upstream:
                raise UnexpectedCall(f"unknown stack {stack!r}; there are {sorted(self._upstream)}")
            return stack, {"name": stack, "outputs": self._upstream[stack]}
        if not args.custom:
            return "", dict(args.inputs)
        if pulumi.runtime.is_dry_run():
            return "", dict(args.inputs)
        return fake_aws.created(args.typ, args.name, args.inputs)


class _Monitor(mocks.MockMonitor):
    """Records whole requests, options included: the mocks above get only type, name and inputs."""

    def __init__(self, upstream: Mapping[str, Mapping[str, Any]], recording: Recording) -> None:
        super().__init__(_Mocks(upstream))
        self.recording = recording

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the name on the wire)
        response = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self._record(request, request.object, custom=request.custom, urn=response.urn)
        return response

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        response = super().ReadResource(request)
        self._record(request, request.properties, custom=True, urn=response.urn)
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if "::pulumi:pulumi:Stack::" in request.urn:
            self.recording.outputs = dict(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)

    def _record(self, request: Any, properties: Any, *, custom: bool, urn: str) -> None:
        self.recording.registrations.append(
            Registration(
                type=request.type,
                name=request.name,
                urn=urn,
                parent=request.parent,
                custom=custom,
                inputs=rpc.deserialize_properties(properties),
                outputs=self.resources[urn].state,
                dependencies=frozenset(request.dependencies),
                ignore_changes=tuple(getattr(request, "ignoreChanges", ())),
                protect=bool(getattr(request, "protect", False)),
                retain_on_delete=bool(getattr(request, "retainOnDelete", False)),
                delete_before_replace=_decided(request),
                aliases=tuple(getattr(request, "aliasURNs", ())),
            )
        )


def record(
    program: Callable[[], object],
    *,
    project: str = "project",
    stack: str = "dev",
    config: Mapping[str, str] | None = None,
    upstream: Mapping[str, Mapping[str, Any]] | None = None,
    preview: bool = False,
    recording: Recording | None = None,
) -> Recording:
    """Run `program` as the engine would and return its registrations; its exception is raised here.

    `upstream` holds the outputs of other stacks by `organization/project/stack`. In a preview AWS has answered nothing:
    computed values are unknown. A `recording` of the caller's has the registrations of a program that fails.
    """
    monitor = _Monitor(upstream or {}, Recording() if recording is None else recording)

    def run() -> None:
        features = set(monitor.GetDeploymentInfo(None).supportedFeatures)
        configure(
            mocks.MockSettings(
                monitor=monitor,
                monitor_features=features,
                engine=mocks.MockEngine(None),
                project=project,
                stack=stack,
                organization="organization",
                dry_run=preview,
                callbacks=None,
                # Of each run's own: the SDK leaves these to be shared, and a failed run's tasks would reach the next.
                outputs=set(),
                lock=threading.Lock(),
            )
        )
        # As each layer's Pulumi.yaml has it, with what every environment has to set.
        set_all_config({"aws:region": "us-east-1", **values_without_default(), **(config or {})})
        asyncio.run(_run(program))

    # A context and an event loop of its own: nothing leaks from one run into the next, or into the caller's.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(contextvars.copy_context().run, run).result()
    return monitor.recording


def run_layer(
    name: str,
    *,
    stack: str = "dev",
    config: Mapping[str, str] | None = None,
    upstream: Mapping[str, Mapping[str, Any]] | None = None,
    preview: bool = False,
    recording: Recording | None = None,
) -> Recording:
    """Run a layer through its entry point, as `pulumi up` does. `upstream`: outputs by layer, of the same stack."""
    references = {f"organization/{project(other)}/{stack}": outputs for other, outputs in (upstream or {}).items()}
    return record(
        lambda: runpy.run_path(str(ROOT / name), run_name="__main__"),
        project=project(name),
        stack=stack,
        config=config,
        upstream=references,
        preview=preview,
        recording=recording,
    )


def roll_out(
    up_to: str = "observability", *, stack: str = "dev", config: Mapping[str, str] | None = None
) -> dict[str, Recording]:
    """Every layer up to one, in order, each fed with what those it reads exported. Recordings are shared: read only."""
    return dict(_roll_out(up_to, stack, tuple(sorted((config or {}).items()))))


def values_without_default() -> dict[str, str]:
    """Return the configuration of the variables that every environment has to set."""
    needed = {
        function.name: {name: "set" for name, value in function.environment.items() if value == PerEnvironment()}
        for function in CATALOG.functions
    }
    return {"compute:environment": json.dumps(needed)} if any(needed.values()) else {}


def everything() -> dict[str, Registration]:
    """All that the layers register, by logical name, with what there is by configuration only."""
    return {item.name: item for recording in roll_out(config=OPTIONAL).values() for item in recording.resources}


def outputs_of(name: str, *, stack: str = "dev", config: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Outputs of a layer's own run."""
    return roll_out(name, stack=stack, config=config)[name].outputs


@cache
def _roll_out(up_to: str, stack: str, config: tuple[tuple[str, str], ...]) -> dict[str, Recording]:
    names = [candidate.name for candidate in LAYERS]
    position = names.index(up_to)
    done = dict(_roll_out(names[position - 1], stack, config)) if position else {}
    upstream = {read: done[read].outputs for read in layer(up_to).reads}
    done[up_to] = run_layer(up_to, stack=stack, config=dict(config), upstream=upstream)
    return done


async def _run(program: Callable[[], object]) -> None:
    # What fails is raised by the run; the same error in other tasks would only be printed when they are thrown away.
    asyncio.get_running_loop().set_exception_handler(_ignore)
    await run_in_stack(lambda: _ignore(program()))


def _ignore(*values: object) -> None:
    """Return None: the engine would await a program's awaitable result."""
    del values


def _decided(request: Any) -> bool | None:
    return bool(request.deleteBeforeReplace) if getattr(request, "deleteBeforeReplaceDefined", False) else None
