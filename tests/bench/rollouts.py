"""Rollouts and previews of the layers against the commands of the bare engine."""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.core.paths import ROOT
from foundation.catalog import CATALOG
from foundation.layers import LAYER_NAMES
from tests.bench.checkouts import Checkout, checkout, largest_child_mb
from tests.bench.harness import Measured, Row, interleaved, wall
from tests.integration.commands import layer_results

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOOP = "pulumi up --yes in each layer's folder"
ONE_STACK = "pulumi up --yes of one stack of the same"
MONOLITH = (ROOT / "tests/bench/monolith.py").read_text()
_PROJECT = "name: plain\nruntime: python\nconfig:\n  aws:region:\n    value: us-east-1\n"
_MORE = """

from dataclasses import replace

(_QUERY,) = (function for function in CATALOG.functions if function.name == "query")
CATALOG = replace(
    CATALOG,
    functions=CATALOG.functions
    + tuple(
        replace(_QUERY, name=f"bench-{{number}}", handler=f"bench_{{number}}.handler.handle")
        for number in range({more})
    ),
)
"""


def _deploy(run: Checkout, layers: Sequence[str], *expected: str, flags: Sequence[str] = ()) -> None:
    """Roll all layers out with the tool, or one, and compare the results with the expected ones."""
    command = ("scripts/deploy_all.sh",) if layers == LAYER_NAMES else ("scripts/deploy_layer.sh", *layers)
    report = json.loads(run(*command, *flags, "--json").stdout)
    assert set(layer_results(report).values()) == set(expected), report


def _layers(small: bool) -> Sequence[str]:
    return LAYER_NAMES[:1] if small else LAYER_NAMES


def _unchanged(small: bool) -> Measured:
    layers = _layers(small)
    with checkout() as run:
        _deploy(run, layers, "deployed")
        return interleaved(
            lambda: wall(lambda: _deploy(run, layers, "unchanged")),
            lambda: wall(lambda: run.loop(layers)),
            1 if small else 5,
        )


def _handler_changed(small: bool) -> Measured:
    with checkout() as run:
        _deploy(run, LAYER_NAMES, "deployed")
        numbers = count()

        def after_an_edit(roll_out: Callable[[], None]) -> float:
            handler = run.root / "lambda_src/query/handler.py"
            handler.write_text(f"{handler.read_text()}\n# edit {next(numbers)}\n")
            return wall(roll_out)

        return interleaved(
            lambda: after_an_edit(lambda: _deploy(run, LAYER_NAMES, "deployed", "unchanged")),
            lambda: after_an_edit(run.loop),
            1 if small else 5,
        )


def _from_nothing(small: bool) -> Measured:
    layers = _layers(small)
    with checkout() as run:
        # Once to have everything in place: the provider's plugin is the tool's doing.
        _deploy(run, layers, "deployed", flags=["--skip-preview"])
        run("scripts/destroy_all.sh")
        monolith = _program(run, MONOLITH, layers)

        def ours() -> float:
            # Where there is nothing that a rollout could harm, a preview may be done without.
            seconds = wall(lambda: _deploy(run, layers, "deployed", flags=["--skip-preview"]))
            run("scripts/destroy_all.sh")
            return seconds

        def one_stack() -> float:
            seconds = wall(lambda: run.pulumi(monolith, "up", "--yes"))
            run.pulumi(monolith, "destroy", "--yes")
            return seconds

        return interleaved(ours, one_stack, 1 if small else 3)


def _forty_functions(small: bool) -> Measured:
    """Roll forty functions out once each way: the plain engine takes minutes."""
    with checkout() as run:
        _declare(run, 4 if small else 40)
        report: dict[str, Any] = {}
        ours = wall(lambda: report.update(json.loads(run("scripts/deploy_all.sh", "--skip-preview", "--json").stdout)))
        resources = sum(layer["created"] for layer in report["layers"])
        largest = largest_child_mb()
        run("scripts/destroy_all.sh")
        monolith = _program(run, MONOLITH, LAYER_NAMES)
        one_stack = wall(lambda: run.pulumi(monolith, "up", "--yes"))
    return Measured(a=ours, b=one_stack, note=f"{resources} resources; {largest:.0f} MB at most in one process of ours")


def _declare(run: Checkout, functions: int) -> None:
    """Fill the catalog up to this many functions with copies of query."""
    more = functions - len(CATALOG.functions)
    catalog = run.root / "foundation/catalog.py"
    catalog.write_text(catalog.read_text() + _MORE.format(more=more))
    sizing = run.root / "compute/sizing.json"
    document = json.loads(sizing.read_text())
    for number in range(more):
        package = run.root / f"lambda_src/bench_{number}"
        shutil.copytree(run.root / "lambda_src/query", package)
        for module in package.glob("*.py"):
            module.write_text(module.read_text().replace("from query.", f"from {package.name}."))
        document["functions"][f"bench-{number}"] = document["functions"]["query"]
    sizing.write_text(json.dumps(document))


def _program(run: Checkout, source: str, layers: Sequence[str] = ()) -> Path:
    """Create a project of one stack, `local`, with this program."""
    folder = run.root / "plain"
    folder.mkdir()
    run.variables["MONOLITH_LAYERS"] = " ".join(layers)
    (folder / "Pulumi.yaml").write_text(_PROJECT)
    (folder / "__main__.py").write_text(source)
    run.pulumi(folder, "stack", "init")
    return folder


def _preview(small: bool) -> Measured:
    with checkout() as run:
        for layer in LAYER_NAMES[:2]:
            run("scripts/deploy_layer.sh", layer)
        empty = _program(run, "")
        edited = run.root / "environments/Pulumi.local.yaml"

        def ours() -> None:
            # Something to preview: the tool would not even look at a layer without a change.
            edited.write_text(f"{edited.read_text() if edited.exists() else ''}\n# looked at\n")
            run("scripts/deploy_layer.sh", "data", "--preview", "--force")

        return interleaved(lambda: wall(ours), lambda: wall(lambda: run.pulumi(empty, "preview")), 1 if small else 7)


ROWS = (
    Row(
        name="unchanged", what="deploy_all.sh when nothing changed", against=LOOP, unit="s", goal=0.10,
        measure=_unchanged,
    ),
    Row(
        name="handler-changed", what="deploy_all.sh when one handler's code changed", against=LOOP, unit="s", goal=0.35,
        measure=_handler_changed,
    ),
    Row(
        name="from-nothing", what="deploy_all.sh --skip-preview from nothing", against=ONE_STACK, unit="s", goal=0.75,
        measure=_from_nothing,
    ),
    Row(
        name="forty-functions", what="deploy_all.sh --skip-preview of forty functions from nothing", against=ONE_STACK,
        unit="s", goal=0.15, measure=_forty_functions,
    ),
    Row(
        name="preview", what="preview of the data layer", against="pulumi preview of an empty program", unit="s",
        goal=1.25, measure=_preview,
    ),
)  # fmt: skip
