"""Resources that the layers' programs would register, found by running them without an engine and without AWS."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pulumi.runtime import mocks, rpc, set_all_config
from pulumi.runtime.settings import configure
from pulumi.runtime.stack import run_in_stack

from estate_tool.core.configuration import values
from foundation.layers import LAYER_NAMES, layer, project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from estate_tool.core.environment import Environment

_REFERENCE = "pulumi:pulumi:StackReference"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A resource that a rollout of a layer would make, with its inputs as they go over the wire."""

    layer: str
    type: str
    name: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class AccountContext:
    """Account, region and partition that programs ask the provider for."""

    account: str
    region: str
    partition: str = "aws"


@dataclass
class _Answers(mocks.Mocks):
    """Answers of AWS: names, the account and ARNs are known beforehand; nothing else that AWS makes up is needed."""

    account: AccountContext
    arn: Callable[[str, Mapping[str, Any]], str]
    upstream: Mapping[str, Mapping[str, Any]]

    def call(self, args: mocks.MockCallArgs) -> Any:
        del args  # the data sources of the estate are all about the account
        number, region, partition = self.account.account, self.account.region, self.account.partition
        return {"accountId": number, "region": region, "partition": partition, "id": number}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ == _REFERENCE:
            project = str(args.resource_id or args.name).split("/")[1]
            return args.resource_id, {"outputs": self.upstream[project]}
        if not args.typ.startswith("aws:"):
            return "", dict(args.inputs)
        arn = self.arn(args.typ, args.inputs)
        return args.name, {**args.inputs, "arn": arn, "streamArn": f"{arn}/stream/1", "url": arn, "version": "1"}


@dataclass
class _Run:
    layer: str
    resources: list[Planned] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)


class _Monitor(mocks.MockMonitor):
    def __init__(self, answers: _Answers, run: _Run) -> None:
        super().__init__(answers)
        self._seen = run

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the name on the wire)
        response = super().RegisterResource(request)
        if request.type.startswith("aws:"):
            inputs = rpc.deserialize_properties(request.object)
            planned = Planned(layer=self._seen.layer, type=request.type, name=request.name, inputs=inputs)
            self._seen.resources.append(planned)
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if "::pulumi:pulumi:Stack::" in request.urn:
            self._seen.outputs = dict(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)


def resources(
    environment: Environment, account: AccountContext, arn: Callable[[str, Mapping[str, Any]], str]
) -> list[Planned]:
    """Return everything that a rollout of all layers would make. `arn` derives an ARN from a type and inputs."""
    outputs: dict[str, Mapping[str, Any]] = {}
    found: list[Planned] = []
    for name in LAYER_NAMES:
        upstream = {project(read): outputs[read] for read in layer(name).reads}
        run = _run(name, environment, _Answers(account, arn, upstream))
        outputs[name] = run.outputs
        found += run.resources
    return found


def _run(name: str, environment: Environment, answers: _Answers) -> _Run:
    program = importlib.import_module(f"{name}.__main__").main
    run = _Run(name)
    monitor = _Monitor(answers, run)
    texts = {
        f"{owner}:{key}": value if isinstance(value, str) else json.dumps(value)
        for owner in LAYER_NAMES
        for key, value in values(owner, environment.name).items()
    }

    def inside() -> None:
        configure(
            mocks.MockSettings(
                monitor=monitor, monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
                engine=mocks.MockEngine(None), project=project(name), stack=environment.name,
                organization="organization", dry_run=False, callbacks=None, outputs=set(), lock=threading.Lock(),
            )
        )  # fmt: skip
        set_all_config({**texts, "aws:region": answers.account.region})
        asyncio.run(_in_stack(program))

    # A context and an event loop of its own: nothing leaks into the next run, or into ours.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(contextvars.copy_context().run, inside).result()
    return run


async def _in_stack(program: Callable[[], None]) -> None:
    # The SDK's mock monitor makes an event loop in each thread that calls it and has none, and closes none: Python may
    # collect such a loop in pieces when it ends, and prints a traceback then.
    with contextlib.ExitStack() as loops:

        def give_a_loop() -> None:
            asyncio.set_event_loop(loops.enter_context(contextlib.closing(asyncio.new_event_loop())))

        with ThreadPoolExecutor(initializer=give_a_loop) as threads:
            asyncio.get_running_loop().set_default_executor(threads)
            await run_in_stack(program)
