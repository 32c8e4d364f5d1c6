"""The waiver of provisioned concurrency: an environment in an account whose quota has no room for it yet.

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
    """True if this value of `provisionedMinimum` waives provisioned concurrency; None, the default, does not."""
    digits = str("" if minimum is None else minimum).lstrip("+-")
    return bool(digits) and not digits.strip("0")


def over_since(until: Any, today: date) -> date | None:
    """Return the last day of the waiver if that has passed; a waiver without one lasts as long as it is configured."""
    last = date.fromisoformat(str(until)) if until else None
    return last if last and last < today else None


def rolled_out(catalog: Catalog, stack: str, root: Path | None = None) -> Catalog:
    """Return the catalog as the stack has it: functions `provisioned` unless compute's configuration waives that.

    The layers above compute have to know it when they declare resources, earlier than outputs are known.
    """
    if not is_waived(_configured(stack, root).get(MINIMUM)):
        return catalog
    return replace(catalog, functions=tuple(replace(one, provisioned=False) for one in catalog.functions))


def _configured(stack: str, root: Path | None) -> Mapping[str, Any]:
    try:
        return layer_files(LAYER, stack, root).readable
    except InvalidConfiguration as error:
        raise pulumi.RunError(str(error)) from error
