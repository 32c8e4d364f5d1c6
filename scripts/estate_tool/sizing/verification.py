"""Looks at functions again after their memory was changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError
from estate_tool.monitoring.window import Window
from estate_tool.sizing import file
from estate_tool.sizing.comparison import COMPARED, problems
from estate_tool.sizing.functions import find, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.sizing.functions import Sized


def verified(
    environment: Environment, names: Sequence[str], minimum: int, slower_percent: int, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Each function whose memory was changed by `--apply`: how it ran before and since, and what is wrong.

    Raises UsageError when there is nothing to look at.
    """
    entries, functions = file.entries(), list(find(environment, names))
    changed = [function for function in functions if file.PREVIOUS in entries.get(function.catalog_name or "", {})]
    if not changed:
        raise UsageError(
            "compute/sizing.json has no change of memory to verify for "
            + ", ".join(function.shown_name for function in functions),
            "measure and write one: scripts/estate rightsize --apply",
        )
    found = []
    for function in changed:
        entry = entries[function.shown_name]
        after = _since_the_change(environment, function, entry["memory_mb"], progress)
        found.append(_result(function, entry, after, minimum, slower_percent))
    return found


def _since_the_change(
    environment: Environment, function: Sized, memory_mb: int, progress: Callable[[str], None]
) -> dict[str, Any] | None:
    """Return its use with this memory; None when it runs with another."""
    if function.memory_mb != memory_mb:
        return None
    window = Window(start=function.changed, end=datetime.now(UTC))
    evidence = measure(environment, function, window, progress, size_mb=memory_mb).to_dict()
    return {key: evidence[key] for key in COMPARED}


def _result(
    function: Sized, entry: dict[str, Any], after: dict[str, Any] | None, minimum: int, slower_percent: int
) -> dict[str, Any]:
    previous, memory_mb = entry[file.PREVIOUS], entry["memory_mb"]
    before = previous[file.MEASURED]
    if after is None:
        wrong = [f"it runs with {function.memory_mb:,} MB: deploy {memory_mb:,} MB first"]
    else:
        wrong = list(problems(before, after, minimum, slower_percent))
    return {
        "function": function.shown_name, "before_mb": previous["memory_mb"], "memory_mb": memory_mb, "ok": not wrong,
        "problems": wrong, "before": before, "after": after,
    }  # fmt: skip


def lines(functions: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The same for a person."""
    for one in functions:
        state = "runs as before" if one["ok"] else "; ".join(one["problems"])
        yield f"{one['function']}: {one['before_mb']:,} → {one['memory_mb']:,} MB: {state}"
