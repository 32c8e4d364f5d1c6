"""Colours of pages by role: each is used for one thing, in every plot and table of every page."""

from __future__ import annotations

# On a white page, and on a dark one: at least 4.5 : 1 against both, so that text may have them too.
PALETTE = {
    "before": ("#666f79", "#9aa4af"),
    "now": ("#0969da", "#58a6ff"),
    "recommended": ("#1a7f37", "#3fb950"),
    "used at most": ("#7d4e2d", "#c99a6e"),
    "typical": ("#8250df", "#b392f0"),
    "p99": ("#b84a00", "#f0883e"),
    "cold start": ("#0e7490", "#39c5cf"),
    "limit": ("#cf222e", "#ff7b72"),
    "thing 1": ("#b32f8d", "#f778ba"),
    "thing 2": ("#806500", "#d9b300"),
    "thing 3": ("#3f37a6", "#8f8bf0"),
    "thing 4": ("#557300", "#a3cc33"),
    "thing 5": ("#a8506a", "#e6a1b3"),
    "thing 6": ("#2f6f8f", "#8cc8e8"),
}
# Names under which plots show these roles.
ROLES = {
    **{name: name for name in PALETTE if not name.startswith("thing")},
    "after": "now", "average": "typical", "p50": "typical", "most used": "used at most",
}  # fmt: skip
THINGS = tuple(name for name in PALETTE if name.startswith("thing"))


def variable(role: str) -> str:
    """Return the CSS variable of a role."""
    return f"var(--{role.replace(' ', '-')})"


def of_label(label: str, things: list[str]) -> str:
    """Return the role for the label of a line: its own, or that of the thing which its first word names.

    `things` are those named so far on the page; a new one is added. Past the palette, colours come again.
    """
    if label in ROLES:
        return ROLES[label]
    thing = label.split(" ", 1)[0]
    if thing not in things:
        things.append(thing)
    return THINGS[things.index(thing) % len(THINGS)]
