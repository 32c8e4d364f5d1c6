"""Private names of Pulumi's SDK: where each is used, and a newer SDK still has it in the form that is relied on."""

from __future__ import annotations

import ast
import importlib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.paths import ROOT
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class PrivateName:
    """A private name, the one file that uses it, its parameters, and what breaks without it."""

    module: str
    name: str
    file: str
    parameters: tuple[str, ...]
    breaks: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


ENGINE = "scripts/estate_tool/engine"
NAMES = (
    PrivateName(
        "pulumi.automation._server", "LanguageServer", f"{ENGINE}/inline_program.py", ("program",),
        "the tool serves no program: each layer needs a language host of its own, as `pulumi up` has",
    ),
    # The policy pack runs for a bare `pulumi up --policy-pack` as well, without the tool.
    PrivateName(
        "pulumi_policy.policy", "_PolicyAnalyzerServicer", "foundation/guardrails/policies.py",
        ("name", "version", "policies", "enforcement_level", "initial_config"),
        "guardrails do not run",
    ),
    PrivateName(
        "pulumi_policy.policy", "_PolicyAnalyzerServicer.ConfigureStack", "foundation/guardrails/policies.py",
        ("self", "request", "_context"),
        "guardrails do not know the stack's configuration",
    ),
    PrivateName(
        "pulumi_policy.policy", "_PolicyAnalyzerServicer._create_report_violation", "foundation/guardrails/policies.py",
        ("self", "response", "policy_name", "policy_description", "enforcement_level", "severity"),
        "guardrails report nothing",
    ),
    *(
        PrivateName(
            "pulumi_policy.policy", f"_PolicyAnalyzerServicer.{name}", "foundation/guardrails/policies.py",
            ("self", parameter),
            "the SDK's own loops have to check, which decode every resource anew for each policy",
        )
        for name, parameter in (("_get_enforcement_level", "policy"), ("_get_resource_options", "request"))
    ),
    *(
        PrivateName(
            "pulumi._types", name, "scripts/local_aws/provider/schema.py", (parameter,),
            "the local provider has no schema of a resource type",
        )
        for name, parameter in (
            ("is_input_type", "cls"),
            ("is_output_type", "cls"),
            ("input_type_types", "input_type_cls"),
            ("output_type_types", "output_type_cls"),
            ("resource_types", "resource_cls"),
            ("input_type_py_to_pulumi_names", "input_type_cls"),
        )
    ),
)  # fmt: skip


def named(name: PrivateName) -> Any:
    found: Any = importlib.import_module(name.module)
    for part in name.name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_the_sdk_has_a_private_name_in_the_form_that_is_used(name: PrivateName) -> None:
    parameters = tuple(inspect.signature(named(name)).parameters)
    assert parameters[: len(name.parameters)] == name.parameters, f"without {name}, {name.breaks}"


def test_the_sdk_keeps_a_register_of_calls_and_outputs_that_are_under_way() -> None:
    """`with_one_wait` appends to the calls and reads both; without them a rollout of forty functions is slow."""
    register: Any = importlib.import_module("pulumi.runtime.settings").SETTINGS
    assert isinstance(register.rpc_manager.rpcs, list)
    assert hasattr(register.outputs, "__iter__")


def private(path: str) -> bool:
    return path.startswith("pulumi") and any(part.startswith("_") for part in path.split("."))


def used(text: str) -> Iterator[str]:
    """Yield the private names of Pulumi's SDK that a module imports, or reads of a module by attribute."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            yield from (path for each in node.names if private(path := f"{node.module}.{each.name}"))
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if private(each.name))
        elif isinstance(node, ast.Attribute) and private(path := ast.unparse(node)) and "(" not in path:
            yield path
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and private(node.value):
            yield node.value


def test_private_names_are_used_in_the_listed_files_alone() -> None:
    folders = (*LAYER_NAMES, "lambda_src", "scripts")
    files = {file for folder in folders for file in (ROOT / folder).rglob("*.py") if "__pycache__" not in file.parts}
    found = {(str(file.relative_to(ROOT)), path) for file in files for path in used(file.read_text())}
    assert {file for file, _ in found} == {name.file for name in NAMES}
    known = {str(name) for name in NAMES} | {name.module for name in NAMES}
    assert {path for _, path in found} <= known
