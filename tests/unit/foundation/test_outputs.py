from dataclasses import replace
from typing import Any

import pulumi
import pytest

from foundation.catalog import CATALOG
from foundation.layers import layer as layer_of
from foundation.model import Function
from foundation.outputs import FoundationOutputs
from tests.support.mocks import STACK_REFERENCE, Recording, outputs_of, record, run_layer


def _seen_by_data(read: Any, *functions: Function) -> Any:
    """Read the outputs of a real run of foundation, as the data layer sees them."""
    program = lambda: pulumi.export("value", read(FoundationOutputs.from_stack("data", functions)))  # noqa: E731
    return record(program, upstream={"organization/estate-foundation/dev": outputs_of("foundation")}).outputs["value"]


@pytest.mark.parametrize("layer", ["data", "compute", "observability"])
def test_a_layer_registers_nothing_under_another_suffix_than_foundations(layer: str) -> None:
    upstream = {read: outputs_of(read) for read in layer_of(layer).reads}
    recording = Recording()
    with pytest.raises(pulumi.RunError, match=r"'dev'.*'blue'"):
        run_layer(layer, config={"foundation:environmentSuffix": "blue"}, upstream=upstream, recording=recording)
    assert {item.type for item in recording.registrations} == {STACK_REFERENCE}


def test_a_resource_without_a_parent_is_registered_after_the_suffix_is_checked() -> None:
    def program() -> None:
        FoundationOutputs.from_stack("data").require_suffix("dev")
        parent = pulumi.ComponentResource("test:index:Parent", "parent")
        pulumi.ComponentResource("test:index:Child", "child", opts=pulumi.ResourceOptions(parent=parent))

    recording = record(program, upstream={"organization/estate-foundation/dev": outputs_of("foundation")})
    assert [item.name for item in recording.components] == ["parent", "child"]


def test_a_role_is_found_by_its_functions_name() -> None:
    assert _seen_by_data(lambda outputs: outputs.role_arns["ingest"], *CATALOG.functions).endswith(
        ":role/role-ingest-dev"
    )


def test_a_function_foundation_does_not_know_yet_names_the_layer_to_deploy() -> None:
    newcomer = replace(CATALOG.functions[0], name="newcomer")
    with pytest.raises(pulumi.RunError, match=r"no output 'role_arns.newcomer'.*deploy_layer.sh foundation dev"):
        _seen_by_data(lambda outputs: outputs.role_arns["newcomer"], newcomer)
