"""Import ID of a resource whose creation was interrupted, derived from its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed
from estate_tool.core.resource_types import RESOURCE_TYPES

if TYPE_CHECKING:
    from estate_tool.core.resource_types import Account
    from estate_tool.core.resource_types.model import Inputs


def import_id(type_token: str, inputs: Inputs, account: Account) -> str:
    """Return the ID to import a resource by; NotThere, or Failed for an unknown type or inputs without a name."""
    known = RESOURCE_TYPES.get(type_token)
    if known is None:
        raise Failed(
            f"a {type_token} that may or may not have been created can't be looked up",
            "look in AWS; `pulumi import` what is there, then: pulumi refresh --clear-pending-creates",
        )
    try:
        rule = known.import_id
        return rule(inputs, account) if callable(rule) else rule.format_map(inputs)
    except KeyError as error:
        raise Failed(f"a {type_token} was to be created without {error}: there is no way to look it up") from error
