"""Results as pages: each one file that needs no network."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import Failed
from estate_tool.core.terminal import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FOLDER = Path(__file__).parent
# One colour for one meaning, in every plot of every page.
COLOURS = {
    "before": "#c0504d", "after": "#2e75b6", "now": "#2e75b6", "recommended": "#2a9d4a", "used at most": "#7f7f7f",
    "average": "#8064a2", "p99": "#e07b00", "cold start": "#17a2b8",
}  # fmt: skip


def write(path: Path, template: str, **values: Any) -> None:
    """Fill the template of that name in and write the page; raises Failed when that can't be done there."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    pages.filters |= {"usd": _usd, "quantity": _quantity, "number": _number, "shown": _shown}
    text = pages.get_template(f"{template}.html.j2").render(**_readable(values))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failed(
            f"the page can't be written to {path}: {error.strerror}", "give --html a file in a folder that exists"
        ) from error


def _readable(value: Any) -> Any:
    """Return text of others without its control characters, and our own HTML as it is."""
    if type(value) is str:
        return safe(value)
    if isinstance(value, dict):
        return {_readable(key): _readable(one) for key, one in value.items()}
    return [_readable(one) for one in value] if isinstance(value, list | tuple) else value


def _usd(amount: str) -> str:
    return f"−${amount[1:]}" if amount.startswith("-") else f"${amount}"


def _quantity(number: str) -> str:
    return f"{Decimal(number):,.2f}"


def _number(value: float) -> str:
    """A value as a person reads it: whole numbers whole, others with three places at most."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def _shown(value: object, unit: str = "") -> str:
    """A value with its unit, or that there is none."""
    return "–" if value is None else f"{value}{unit}"


def script() -> Any:
    """Return the plotting library, which stands in a page once."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    return Markup(f"<script>{get_plotlyjs()}</script>")


def bars(title: str, labels: Sequence[str], groups: Mapping[str, Sequence[float]], unit: str) -> Any:
    """A plot of bars side by side: one group per name of COLOURS, a bar per label."""
    from markupsafe import Markup, escape
    from plotly.io import to_html

    # Plotly reads HTML in labels; names are text.
    shown = [str(escape(safe(label))) for label in labels]
    data = [
        {
            "type": "bar", "orientation": "h", "name": name, "y": shown, "x": list(values),
            "marker": {"color": COLOURS[name]}, "hovertemplate": f"%{{y}}: %{{x:,}} {unit}<extra>{name}</extra>",
        }
        for name, values in groups.items()
    ]  # fmt: skip
    layout = {
        "title": {"text": title}, "barmode": "group", "height": 140 + 46 * len(labels) * max(len(groups) / 2, 1),
        "xaxis": {"title": {"text": unit}}, "yaxis": {"autorange": "reversed", "automargin": True},
        "legend": {"orientation": "h"}, "margin": {"t": 50, "b": 50},
    }  # fmt: skip
    plot = to_html(
        {"data": data, "layout": layout}, include_plotlyjs=False, full_html=False, validate=False,
        config={"displayModeBar": False, "responsive": True},
    )  # fmt: skip
    return Markup(plot)
