"""Environments rolled out under former names of the projects are refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from estate_tool.core.errors import UsageError
from estate_tool.engine import backend
from foundation.layers import LAYER_NAMES


def engine(**former: str) -> Any:
    return SimpleNamespace(stack="dev", former=lambda: former)


def test_stacks_of_the_former_names_are_refused_with_the_commands_that_rename_them() -> None:
    pulumi = engine(data="my-org/data/dev", compute="my-org/compute/dev")
    with pytest.raises(UsageError) as refused:
        backend.refuse_former_names(pulumi, {"foundation", "compute"})
    commands = [line for line in refused.value.hint.splitlines() if "stack rename" in line]
    assert commands == ["scripts/estate pulumi stack rename my-org/estate-data/dev --stack my-org/data/dev --cwd data"]


@pytest.mark.parametrize("present", [(), LAYER_NAMES])
def test_what_was_never_rolled_out_or_is_renamed_is_not(present: tuple[str, ...]) -> None:
    former = {"data": "organization/data/dev"} if present else {}
    backend.refuse_former_names(engine(**former), present)
    with pytest.raises(UsageError):
        backend.refuse_former_names(engine(data="organization/data/dev"), ())
