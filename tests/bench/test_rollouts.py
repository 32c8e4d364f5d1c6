"""The measurements of rollouts, on commands that answer at once, and the program that they are compared with."""

from __future__ import annotations

import json
import runpy
from contextlib import contextmanager
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pulumi
import pytest

from foundation.layers import LAYER_NAMES
from tests.bench import rollouts
from tests.bench.harness import Row
from tests.support.checkouts import copy_checkout
from tests.support.mocks import ROOT, record, roll_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DEPLOYED, UNCHANGED = ["deployed"], ["unchanged"]
# By row: the results of the layers in each report, and the commands, both in order.
TAKEN: dict[str, tuple[list[list[str]], str]] = {
    "unchanged": ([DEPLOYED, UNCHANGED], "deploy_layer.sh deploy_layer.sh loop"),
    "handler-changed": ([DEPLOYED, DEPLOYED + UNCHANGED], "deploy_all.sh deploy_all.sh loop"),
    "from-nothing": (
        [DEPLOYED, DEPLOYED], "deploy_layer.sh destroy_all.sh stack deploy_layer.sh destroy_all.sh up destroy"
    ),
    "forty-functions": ([DEPLOYED], "deploy_all.sh destroy_all.sh stack up"),
    "preview": ([], "deploy_layer.sh deploy_layer.sh stack deploy_layer.sh preview"),
}  # fmt: skip


class Recorded:
    """Copy of the checkout whose commands are recorded and answered with these results of layers."""

    def __init__(self, root: Path, results: list[list[str]]) -> None:
        self.root, self.results = root, list(results)
        self.variables: dict[str, str] = {}
        self.commands: list[str] = []

    def __call__(self, *command: str) -> CompletedProcess[str]:
        self.commands.append(command[0].removeprefix("scripts/"))
        results = self.results.pop(0) if "--json" in command else []
        layers = [{"layer": result, "result": result, "created": 1} for result in results]
        return CompletedProcess(command, 0, json.dumps({"layers": layers}), "")

    def pulumi(self, folder: Path, *arguments: str) -> None:
        assert (folder / "Pulumi.yaml").is_file()
        assert (folder / "__main__.py").is_file()
        self.commands.append(arguments[0])

    def loop(self, _layers: Sequence[str] = LAYER_NAMES) -> None:
        self.commands.append("loop")


@pytest.mark.parametrize("row", rollouts.ROWS, ids=lambda row: row.name)
def test_both_ways_take_the_commands_that_are_compared(
    row: Row, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    results, commands = TAKEN[row.name]
    run = Recorded(copy_checkout(tmp_path / "checkout"), results)

    @contextmanager
    def recorded() -> Iterator[Recorded]:
        yield run

    monkeypatch.setattr(rollouts, "checkout", recorded)
    measured = row.result(row.measure(True))
    assert " ".join(run.commands) == commands
    assert run.results == []
    assert measured["a"] > 0
    assert measured["b"] > 0


def test_the_one_stack_has_what_the_layers_have() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MONOLITH_LAYERS", " ".join(LAYER_NAMES))
        for name in ("StackReference", "export"):  # which the program replaces
            patch.setattr(pulumi, name, getattr(pulumi, name))
        monolith = record(lambda: runpy.run_path(str(ROOT / "tests/bench/monolith.py")), project="plain")
    layers = [resource for recording in roll_out().values() for resource in recording.resources]
    assert {(one.type, one.name) for one in monolith.resources} == {(one.type, one.name) for one in layers}
