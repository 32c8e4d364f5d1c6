"""Requirement 2: code that is deployed more than once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from estate_tool.audit.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.audit.model import Function, Inventory
    from estate_tool.pricing.prices import Prices

_SHOWN = 5
_FIX = "keep one package (or one shared module, or a layer) and configure what differs by environment variables"


def copied_code(inventory: Inventory, _prices: Prices) -> Iterator[Finding]:
    """Yield functions whose whole package another function has too, and modules inside different packages."""
    same: dict[str, list[Function]] = defaultdict(list)
    for function in inventory.functions:
        if function.code_sha256:
            same[function.code_sha256].append(function)
    for functions in same.values():
        for function in functions if len(functions) > 1 else ():
            others = ", ".join(other.name for other in functions if other is not function)
            yield Finding(2, "code-copied", function.arn, f"the same package as {others}", _FIX)
    yield from _copied_modules(inventory)


def _copied_modules(inventory: Inventory) -> Iterator[Finding]:
    by_name = {function.name: function for function in inventory.functions}
    owners: dict[str, set[str]] = defaultdict(set)
    for name, modules in inventory.packages.items():
        for digest in modules.values():
            owners[digest].add(name)
    for name, modules in inventory.packages.items():
        code = by_name[name].code_sha256
        copied: list[str] = []
        for path, digest in sorted(modules.items()):
            # Equal packages are reported as a whole.
            others = sorted(other for other in owners[digest] if by_name[other].code_sha256 != code)
            copied += [f"{path} also in {', '.join(others)}"] if others else []
        if copied:
            more = [f"and {len(copied) - _SHOWN} more"] if len(copied) > _SHOWN else []
            yield Finding(2, "module-copied", by_name[name].arn, "; ".join([*copied[:_SHOWN], *more]), _FIX)
