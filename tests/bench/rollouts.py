"""Rollouts of the four layers against what one would type without the tool, and a preview against another tool's."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.core.paths import ROOT
from foundation.layers import LAYER_NAMES
from tests.bench.checkouts import Checkout, checkout
from tests.bench.harness import Measured, NotMeasured, Row, interleaved, wall
from tests.integration.commands import layer_results

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOOP = "pulumi up --yes in each layer's folder"
_PROJECT = "name: monolith\nruntime: python\nconfig:\n  aws:region:\n    value: us-east-1\n"
CDK = ("aws-cdk@2.150.0", "aws-cdk-lib@2.150.0", "constructs@10.3.0")
_APP = """
const cdk = require("aws-cdk-lib");
const app = new cdk.App(), stack = new cdk.Stack(app, "layer");
for (const [name, properties] of Object.entries(require("./resources.json")))
  new cdk.CfnResource(stack, name, {type: "AWS::Bench::Resource", properties});
app.synth();
"""


def _deploy(run: Checkout, layers: Sequence[str], *expected: str, flags: Sequence[str] = ()) -> None:
    """The tool's way to roll out: all layers, or the one."""
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
        run.variables["MONOLITH_LAYERS"] = " ".join(layers)
        monolith = run.root / "monolith"
        monolith.mkdir()
        (monolith / "Pulumi.yaml").write_text(_PROJECT)
        shutil.copyfile(ROOT / "tests/bench/monolith.py", monolith / "__main__.py")
        # Once to have everything in place: the provider's plugin is the tool's doing.
        _deploy(run, layers, "deployed")
        run("scripts/destroy_all.sh")
        run.pulumi(monolith, "stack", "init")

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


def _preview(small: bool) -> Measured:
    if shutil.which("npm") is None:
        raise NotMeasured("there is no npm on this machine")
    with tempfile.TemporaryDirectory() as folder, checkout() as run:
        app = Path(folder)
        installed = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", *CDK], cwd=app, capture_output=True, text=True, check=False
        )
        if installed.returncode != 0:
            raise NotMeasured(f"npm can't install the CDK: {installed.stderr.strip()[-300:]}")
        for layer in LAYER_NAMES[:2]:
            run("scripts/deploy_layer.sh", layer)
        (app / "resources.json").write_text(json.dumps(_resources(run, "data")))
        (app / "app.js").write_text(_APP)
        edited = run.root / "environments/Pulumi.local.yaml"

        def ours() -> None:
            # Something to preview: the tool would not even look at a layer without a change.
            edited.write_text(f"{edited.read_text() if edited.exists() else ''}\n# looked at\n")
            run("scripts/deploy_layer.sh", "data", "--preview", "--force")

        def cdk() -> None:
            command = ["node_modules/.bin/cdk", "synth", "--quiet", "--app", "node app.js"]
            subprocess.run(command, cwd=app, check=True, capture_output=True)

        return interleaved(lambda: wall(ours), lambda: wall(cdk), 1 if small else 5)


def _resources(run: Checkout, layer: str) -> dict[str, Any]:
    """The resources of a layer by a name that CloudFormation takes, with their properties."""
    exported = subprocess.run(
        ["pulumi", "stack", "export", "--stack", "local"], cwd=run.root / layer, env=run.variables, check=True,
        capture_output=True,
    )  # fmt: skip
    found = [each for each in json.loads(exported.stdout)["deployment"]["resources"] if each["type"].startswith("aws:")]
    return {f"resource{number}": each["inputs"] for number, each in enumerate(found)}


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
        name="from-nothing", what="deploy_all.sh --skip-preview from nothing", unit="s",
        against="pulumi up --yes of one stack of the same", goal=1.0, measure=_from_nothing,
    ),
    Row(
        name="preview", what="preview of the data layer", against="cdk synth of the same resources", unit="s", goal=0.7,
        measure=_preview,
    ),
)  # fmt: skip
