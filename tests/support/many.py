"""A catalog of many functions in place of the estate's, for limits that a few never meet."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from estate_tool.engine.inline_program import with_one_wait
from foundation import catalog
from foundation.layers import LAYERS, project
from foundation.model import Catalog, Function, ScheduleTrigger, TableGrant
from foundation.urls import FunctionUrl
from tests.support.mocks import ROOT, Recording, record

MODULES = (
    "foundation.catalog", "foundation.program", "foundation.guardrails.layer", "compute.config",
)  # fmt: skip


def many(functions: int) -> Catalog:
    """The estate's catalog with more functions, up to this number: half of them critical, all with long names."""
    more = tuple(_function(number) for number in range(functions - len(catalog.CATALOG.functions)))
    return replace(catalog.CATALOG, functions=catalog.CATALOG.functions + more)


def _function(number: int) -> Function:
    # 24 characters, which is the most.
    name = f"one-of-many-functions-{number:02}" if number < 100 else f"one-of-many-function-{number:03}"
    if number == 1:
        trigger = ScheduleTrigger(expression="rate(5 minutes)")
        return Function(
            name=name, handler="query.handler.handle", description="One of many.", timeout_seconds=10, trigger=trigger
        )
    url = FunctionUrl(invokers=("arn:{partition}:iam::{account}:role/web-{suffix}",)) if number == 3 else None
    return Function(
        name=name, handler="query.handler.handle", description="One of many.", timeout_seconds=10,
        grants=(TableGrant(table="aggregates", access=("query",)),), critical=number % 2 == 0, url=url,
    )  # fmt: skip


@contextmanager
def in_place(wanted: Catalog) -> Iterator[None]:
    """Every module that a layer's program reads the catalog from has this one; each function has a memory size."""
    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            patch.setattr(f"{module}.CATALOG", wanted)
        patch.setattr("compute.config.memory_by_function", lambda names: dict.fromkeys(names, 512))
        yield


def _run(layer: str) -> None:
    runpy.run_path(str(ROOT / layer), run_name="__main__")


def roll_out_many(functions: int, suffix: str) -> dict[str, Recording]:
    """Every layer with this many functions, each fed with what those below it exported."""
    done: dict[str, Recording] = {}
    with in_place(many(functions)):
        for each in LAYERS:
            upstream = {f"organization/{project(read)}/{suffix}": done[read].outputs for read in each.reads}
            program = partial(_run, each.name)
            # As the tool runs it: the SDK's own wait is quadratic in the number of outputs.
            done[each.name] = record(
                with_one_wait(program), project=project(each.name), stack=suffix, upstream=upstream
            )
    return done
