"""Requirement 2: code that is deployed more than once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from estate_tool.audit.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.audit.model import Function, Inventory
    from estate_tool.pricing.prices import Prices

_FIX = "keep one package (or one shared module, or a layer) and configure what differs by environment variables"


def copied_code(inventory: Inventory, prices: Prices) -> Iterator[Finding]:
    """Yield functions whose whole package another function has too, and modules inside different packages."""
    del prices
    same: dict[str, list[Function]] = defaultdict(list)
    for function in inventory.functions:
        if function.code_sha256:
            same[function.code_sha256].append(function)
    for functions in same.values():
        for function in functions if len(functions) > 1 else ():
            others = ", ".join(other.name for other in functions if other is not function)
            found = f"the same package as {others}"
            yield Finding(requirement=2, check="code-copied", resource=function.arn, found=found, fix=_FIX)
    yield from _copied_modules(inventory)


def _copied_modules(inventory: Inventory) -> Iterator[Finding]:
    by_name = {function.name: function for function in inventory.functions}
    holders: dict[str, dict[str, str]] = defaultdict(dict)
    for name, modules in inventory.packages.items():
        for path, digest in modules.items():
            holders[digest].setdefault(name, path)
    copied: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for paths in holders.values():
        # Equal packages are reported as a whole.
        if len({by_name[name].code_sha256 for name in paths}) > 1:
            for name, path in paths.items():
                copied[name][path] |= {
                    other for other in paths if by_name[other].code_sha256 != by_name[name].code_sha256
                }
    for name, paths in copied.items():
        text = "; ".join(f"{path} also in {', '.join(sorted(others))}" for path, others in sorted(paths.items())[:5])
        more = f"; and {len(paths) - 5} more" if len(paths) > 5 else ""
        yield Finding(requirement=2, check="module-copied", resource=by_name[name].arn, found=f"{text}{more}", fix=_FIX)
