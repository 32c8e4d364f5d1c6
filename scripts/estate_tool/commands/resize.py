"""`estate rightsize --apply` and `--revert`: memory is written to compute/sizing.json; nothing is deployed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.sizing.functions import AccountFunction


def refuse_others(functions: Sequence[AccountFunction]) -> None:
    """Raises UsageError for functions that the file is not about: those the catalog does not declare."""
    from estate_tool.core.errors import UsageError

    others = [function.name for function in functions if function.catalog_name is None]
    if others:
        raise UsageError(
            f"--apply writes compute/sizing.json, which is not about {', '.join(others)}; nothing was touched",
            "leave --apply out, and change the memory of these functions where they are declared",
        )


def apply(target: Environment, functions: Sequence[AccountFunction], result: dict[str, Any]) -> None:
    """Writes what was recommended, with its evidence."""
    from estate_tool.sizing import files, provisioned_concurrency
    from foundation.stack_files import name_of

    sizes = {
        function.catalog_name: (one["recommended_mb"], one["evidence"])
        for function, one in zip(functions, result["functions"], strict=True)
        if function.catalog_name is not None and one["recommended_mb"] is not None
    }
    _print_diff(target, "compute/sizing.json", files.apply_sizes(sizes))
    keys = provisioned_concurrency.combined(
        target.configuration.compute.provisioning, result["provisioned_concurrency"]
    )
    if keys:
        _print_diff(target, name_of(target.name), files.apply_settings(target.name, keys))


def revert(target: Environment, names: Sequence[str]) -> dict[str, Any]:
    """Give functions, all of the file by default, the memory back that they had before; return the result."""
    from estate_tool.core.errors import UsageError
    from estate_tool.sizing import files

    entries = files.sizes_by_function()
    unknown = [name for name in names if name not in entries]
    if unknown:
        raise UsageError(
            f"compute/sizing.json is not about {', '.join(unknown)}; nothing was touched",
            f"give names of it: {', '.join(entries)}",
        )
    chosen = list(names or entries)
    diff = files.revert_sizes(chosen)
    _print_diff(target, "compute/sizing.json", diff)
    return {"functions": chosen, "changed": bool(diff)}


def _print_diff(target: Environment, name: str, diff: str) -> None:
    """The change, on stderr: stdout is for the recommendations."""
    if not diff:
        print(f"{name} stays as it is", file=sys.stderr)
        return
    print(f"{diff}\n{name} is written; look at it, then: scripts/deploy_layer.sh compute {target.name}",
          file=sys.stderr)  # fmt: skip
