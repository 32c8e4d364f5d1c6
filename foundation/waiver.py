"""The waiver of provisioned concurrency, for an account whose quota has no room for it yet.

`compute:provisionedMinimum: 0` waives it, through the day of `compute:provisionedWaivedUntil` where that is set.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pulumi

from foundation.model import Catalog
from foundation.problems import InvalidConfiguration
from foundation.stack_files import layer_files

LAYER, MINIMUM, UNTIL = "compute", "provisionedMinimum", "provisionedWaivedUntil"


def is_waived(minimum: Any) -> bool:
    """True if this value of `provisionedMinimum` is a waiver; None, the default, is not."""
    digits = str("" if minimum is None else minimum).lstrip("+-")
    return bool(digits) and not digits.strip("0")


def expired_on(until: Any, today: date) -> date | None:
    """Return the last day of the waiver if it has passed; without a last day a waiver never expires."""
    last = date.fromisoformat(str(until)) if until else None
    return last if last and last < today else None


def with_waiver(catalog: Catalog, stack: str, root: Path | None = None) -> Catalog:
    """Return the catalog with functions not `provisioned` where the stack's configuration of compute waives that.

    Read from the file, as layers above compute need it before outputs are known.
    """
    if not is_waived(_configured(stack, root).get(MINIMUM)):
        return catalog
    return replace(catalog, functions=tuple(replace(one, provisioned=False) for one in catalog.functions))


def _configured(stack: str, root: Path | None) -> Mapping[str, Any]:
    try:
        return layer_files(LAYER, stack, root).readable
    except InvalidConfiguration as error:
        raise pulumi.RunError(str(error)) from error
