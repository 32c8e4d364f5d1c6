"""The estate as the input of alarms and dashboard."""

from typing import Any

from foundation.catalog import CATALOG
from foundation.model import Catalog
from foundation.naming import Names
from observability.config import parse
from observability.metrics import Estate


def estate(
    catalog: Catalog = CATALOG,
    *,
    memory_mb: int = 512,
    target_percent: int = 70,
    on_demand: bool = False,
    **configured: Any,
) -> Estate:
    """Return the estate of an environment `dev`; `configured` are settings of observability."""
    return Estate(
        catalog=catalog,
        names=Names("dev"),
        thresholds=parse(configured, stack="dev"),
        memory_mb={function.name: memory_mb for function in catalog.functions},
        target_percent=target_percent,
        on_demand=on_demand,
    )
