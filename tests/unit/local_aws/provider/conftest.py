"""Resource types with the SDK's real schemas; no AWS is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local_aws.provider.check import check
from local_aws.provider.diff import Comparison
from local_aws.provider.model import Failure
from local_aws.provider.resources import TYPES
from local_aws.provider.schema import Schema, Schemas

Properties = dict[str, Any]

_SCHEMAS = Schemas(list(TYPES))


def schema_of(token: str) -> Schema:
    return _SCHEMAS.get(token)


def comparison(token: str) -> Comparison:
    return Comparison(TYPES[token], schema_of(token))


def checked(
    token: str, inputs: Properties, olds: Properties | None = None, default_tags: Any = None, name: str = "thing"
) -> tuple[Properties, list[Failure]]:
    return check(TYPES[token], schema_of(token), inputs, olds or {}, default_tags or {}, name, b"seed")


@pytest.fixture
def failures() -> Callable[[str, Properties], dict[str, str]]:
    """Problems of these inputs, by property path."""
    return lambda token, inputs: dict(checked(token, inputs)[1])
