from dataclasses import replace
from typing import Any

import pulumi
import pytest

from foundation.catalog import CATALOG
from foundation.model import Catalog
from foundation.naming import Names
from foundation.outputs import FoundationOutputs
from foundation.tags import TAG_KEYS
from tests.support.mocks import outputs_of, record


def _seen_by_data(read: Any, catalog: Catalog | None = None) -> Any:
    """Read the outputs of a real run of foundation, as the data layer sees them."""
    program = lambda: pulumi.export("value", read(FoundationOutputs.from_stack("data", catalog)))  # noqa: E731
    return record(program, upstream={"organization/estate-foundation/dev": outputs_of("foundation")}).outputs["value"]


def test_names_arns_and_tags_follow_the_environments_suffix() -> None:
    assert _seen_by_data(lambda outputs: outputs.name("table", "events")) == "table-events-dev"
    assert _seen_by_data(lambda outputs: outputs.names().apply(lambda names: names.suffix)) == Names("dev").suffix
    arn = _seen_by_data(lambda outputs: outputs.arns().apply(lambda arns: arns.queue("ingest")))
    assert arn == "arn:aws:sqs:us-east-1:123456789012:queue-ingest-dev"


def test_tags_carry_layer_and_component() -> None:
    tags = _seen_by_data(lambda outputs: outputs.tags("data", "events"))
    assert set(tags) == set(TAG_KEYS)
    assert (tags["Layer"], tags["Component"], tags["Environment"]) == ("data", "events", "dev")


def test_a_role_is_found_by_its_functions_name() -> None:
    assert _seen_by_data(lambda outputs: outputs.role_arns["ingest"], CATALOG).endswith(":role/role-ingest-dev")


def test_a_function_foundation_does_not_know_yet_names_the_layer_to_deploy() -> None:
    newcomer = replace(CATALOG.functions[0], name="newcomer")
    with pytest.raises(pulumi.RunError, match=r"no output 'role_arns.newcomer'.*deploy_layer.sh foundation dev"):
        _seen_by_data(lambda outputs: outputs.role_arns["newcomer"], replace(CATALOG, functions=(newcomer,)))
