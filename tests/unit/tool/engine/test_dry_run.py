"""Programs run without an engine."""

from __future__ import annotations

import asyncio

import pytest

from estate_tool.core.configuration import load
from estate_tool.core.environment import Environment
from estate_tool.deployer_policy import document
from estate_tool.engine import dry_run
from foundation.layers import LAYER_NAMES
from tests.unit.tool.conftest import PLACE


def test_running_the_programs_leaves_no_event_loop_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[asyncio.AbstractEventLoop] = []
    policy = asyncio.get_event_loop_policy()
    make = policy.new_event_loop

    def new_event_loop() -> asyncio.AbstractEventLoop:
        made.append(make())
        return made[-1]

    monkeypatch.setattr(policy, "new_event_loop", new_event_loop)
    monkeypatch.setattr(dry_run, "LAYER_NAMES", LAYER_NAMES[:1])
    target = Environment(name="prod", local=False, configuration=load("prod"))
    assert dry_run.resources(target, PLACE, lambda kind, inputs: document.arn(kind, inputs, PLACE))
    assert made
    assert all(loop.is_closed() for loop in made)
