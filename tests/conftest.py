"""Fixtures of every test."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import settings

import compute.config
from foundation.catalog import CATALOG
from foundation.model import Function
from foundation.values import PerEnvironment

# How long an example takes depends on the machine, not on the code under test.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(autouse=True, scope="session")
def _variables_have_values() -> Iterator[None]:
    """Every environment sets the variables that the catalog declares without a default."""

    def with_values(function: Function) -> Function:
        values = {
            key: PerEnvironment(default="set") if value == PerEnvironment() else value
            for key, value in function.environment.items()
        }
        return replace(function, environment=values)

    functions = tuple(map(with_values, CATALOG.functions))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compute.config, "CATALOG", replace(CATALOG, functions=functions))
        yield
