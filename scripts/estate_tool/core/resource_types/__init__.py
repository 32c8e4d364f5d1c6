"""Table of resource types: a new one is a row of `table.py`."""

from estate_tool.core.resource_types.model import Account, NotThere, ResourceType, TagListing
from estate_tool.core.resource_types.table import RESOURCE_TYPES

__all__ = ["RESOURCE_TYPES", "Account", "NotThere", "ResourceType", "TagListing"]
