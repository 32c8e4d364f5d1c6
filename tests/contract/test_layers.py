"""One layer exports what the next one reads, and none reads against the order."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from compute.outputs import ComputeOutputs, FunctionOutputs
from data.outputs import DataOutputs, QueueOutputs, TableOutputs
from foundation.catalog import CATALOG
from foundation.layers import LAYER_NAMES, layer, project
from foundation.naming import Arns, Names
from foundation.outputs import FoundationOutputs
from foundation.stack_files import FOLDER
from tests.support.mocks import ROOT, outputs_of, record, roll_out

ARNS = Arns(names=Names("dev"), account="123456789012", region="us-east-1")


def _upstream(*layers: str) -> dict[str, Any]:
    return {f"organization/{project(name)}/dev": outputs_of(name) for name in layers}


@pytest.mark.parametrize("reader", [name for name in LAYER_NAMES if "foundation" in layer(name).reads])
def test_readers_see_foundations_outputs_as_it_wrote_them(reader: str) -> None:
    def program() -> None:
        for key, value in vars(FoundationOutputs.from_stack(reader, CATALOG.functions)).items():
            pulumi.export(key, value)

    assert record(program, upstream=_upstream("foundation")).outputs.items() <= {
        "schedule_role_arns": {}, **outputs_of("foundation"),
    }.items()  # fmt: skip


@pytest.mark.parametrize("reader", [name for name in LAYER_NAMES if "data" in layer(name).reads])
def test_readers_see_datas_outputs_as_it_wrote_them(reader: str) -> None:
    upstream = _upstream("data")
    assert record(lambda: DataOutputs.from_stack(reader, CATALOG).export(), upstream=upstream).outputs == outputs_of(
        "data"
    )


@pytest.mark.parametrize("reader", [name for name in LAYER_NAMES if "compute" in layer(name).reads])
def test_readers_see_computes_outputs_as_it_wrote_them(reader: str) -> None:
    upstream = _upstream("compute")
    seen = record(lambda: ComputeOutputs.from_stack(reader, CATALOG).export(), upstream=upstream).outputs
    # Addresses are for callers; no layer reads them.
    assert seen == {key: value for key, value in outputs_of("compute").items() if key != "urls"}


def test_every_declared_output_is_exported_for_every_declaration() -> None:
    data, compute = outputs_of("data"), outputs_of("compute")
    for kind, names, model in (
        (data["tables"], {table.name for table in CATALOG.tables}, TableOutputs),
        (data["queues"], {queue.name for queue in CATALOG.queues}, QueueOutputs),
        (compute["functions"], {function.name for function in CATALOG.functions}, FunctionOutputs),
    ):
        assert set(kind) == names
        for exported in kind.values():
            assert set(exported) == {field.name for field in fields(model)}


def test_arns_that_foundation_foretells_are_those_the_resources_get() -> None:
    data = outputs_of("data")
    for table in CATALOG.tables:
        exported = data["tables"][table.name]
        assert exported["arn"] == ARNS.table(table.name)
        assert bool(exported["stream_arn"]) == table.stream
        assert not table.stream or exported["stream_arn"].startswith(ARNS.streams(table.name).removesuffix("*"))
    for queue in CATALOG.queues:
        assert data["queues"][queue.name]["arn"] == ARNS.queue(queue.name)
        assert data["queues"][queue.name]["dead_letter_arn"] == ARNS.dead_letter_queue(queue.name)


def test_a_functions_failures_go_where_its_role_may_send_them() -> None:
    recording = roll_out("compute")["compute"]
    for function in CATALOG.functions:
        exported = outputs_of("compute")["functions"][function.name]
        granted = ARNS.dead_letter_queue(function.dead_letter_queue)
        assert exported["failure_queue_arn"] == granted
        inputs = recording.one("lambda/function:Function", name=exported["name"]).inputs
        assert inputs["deadLetterConfig"] == {"targetArn": granted}
        for mapping in recording.of("EventSourceMapping"):
            if mapping.inputs["functionName"] == exported["alias_arn"] and "destinationConfig" in mapping.inputs:
                assert mapping.inputs["destinationConfig"]["onFailure"]["destinationArn"] == granted


def test_a_function_logs_where_its_role_may_write() -> None:
    for function in CATALOG.functions:
        group = outputs_of("compute")["functions"][function.name]["log_group"]
        assert ARNS.log_streams(function.name) == f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("name", LAYER_NAMES)
def test_of_ours_a_layer_imports_foundation_and_outputs_and_configuration_of_layers_it_reads(
    name: str,
) -> None:
    sources = list((ROOT / name).rglob("*.py"))
    assert sources
    read = layer(name).reads
    allowed = {name, "foundation", *(f"{one}.{part}" for one in read for part in ("config", "outputs"))}
    ours = (*LAYER_NAMES, "lambda_src", "estate_tool", "local_aws", "tests", "ingest", "aggregate", "query", "shared")
    for path in sources:
        for module in _imports(path):
            if module.split(".")[0] in ours:
                assert any(module == own or module.startswith(f"{own}.") for own in allowed), f"{path}: {module}"


def test_the_functions_code_imports_nothing_of_the_layers() -> None:
    for path in (ROOT / "lambda_src").rglob("*.py"):
        assert not {module.split(".")[0] for module in _imports(path)} & {*LAYER_NAMES, "pulumi", "pulumi_aws"}, path


@pytest.mark.parametrize("name", LAYER_NAMES)
def test_the_engine_configures_every_layer_from_the_file_that_the_tool_reads(name: str) -> None:
    content = yaml.safe_load((ROOT / name / "Pulumi.yaml").read_text())
    assert (ROOT / name / content["stackConfigDir"]).resolve() == ROOT / FOLDER
    assert sorted(path.name for path in (ROOT / name).glob("Pulumi*.yaml")) == ["Pulumi.yaml"]
