"""Pages in a real browser, the numbers they are made from, and what AWS says of these."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tests.integration.conftest import EmbeddedAws

Points = dict[str, float]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Asks the library for what it drew, counts the points that are to be seen, and writes both into the document.
_WITNESS = """<pre id="seen"></pre><script>
window.addEventListener("load", () => {
  const plots = [...document.querySelectorAll(".js-plotly-plot")].map(place => ({
    traces: place.data.map(one => ({ name: one.name, times: one.x, values: one.y })),
    points: place.querySelectorAll(".point").length,
    names: [...place.parentElement.querySelectorAll("td:first-child")].map(cell => cell.textContent),
    latest: [...place.parentElement.querySelectorAll("td:last-child")].map(cell => cell.title || null),
  }));
  const alarms = [...document.querySelectorAll("ul.alarms li")].map(one => one.textContent);
  document.getElementById("seen").textContent = JSON.stringify({ plots, alarms });
});
</script></body>"""


def seen(page: Path) -> dict[str, Any]:
    """Read the page as a person sees it: plots in their order, with traces and tables, and alarms."""
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    if browser is None:
        pytest.skip(f"no browser on PATH: {', '.join(_NAMES)}")
    witnessed = page.with_name(f"witnessed-{page.name}")
    head, _, tail = page.read_text(encoding="utf-8").rpartition("</body>")
    witnessed.write_text(head + _WITNESS + tail, encoding="utf-8")
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={page.parent / 'profile'}",
        "--virtual-time-budget=10000", "--dump-dom", witnessed.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="seen">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, f"the page's scripts did not get to their end: {done.stderr[-2000:]}"
    told: dict[str, Any] = json.loads(html.unescape(found[1]))
    return told


def embedded(page: Path) -> dict[str, Any]:
    """The numbers that a page was made from."""
    found = re.search(r'<script type="application/json" id="dashboard">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    told: dict[str, Any] = json.loads(found[1])
    return told


def numbers(aws: EmbeddedAws, properties: dict[str, Any], start: datetime, end: datetime) -> dict[str, Points]:
    """Read the metrics of a dashboard's widget from the API: by label, by time; expressions are worked out here."""
    found: dict[str, Points] = {}
    expressions: dict[str, str] = {}
    for *words, options in properties["metrics"]:
        if "expression" in options:
            expressions[options["label"]] = re.sub(r"PERIOD\(\w+\)", str(properties["period"]), options["expression"])
            continue
        pairs, stat = zip(words[2::2], words[3::2], strict=True), options["stat"]
        kind = "ExtendedStatistics" if stat.startswith("p") else "Statistics"
        points = aws.client("cloudwatch").get_metric_statistics(
            Namespace=words[0], MetricName=words[1], StartTime=start - timedelta(seconds=60), EndTime=end,
            Dimensions=[{"Name": name, "Value": value} for name, value in pairs],
            Period=properties["period"], **{kind: [stat]},
        )["Datapoints"]  # fmt: skip
        name = options.get("id") or options["label"]
        found[name] = {point["Timestamp"].isoformat(): (point.get(kind) or point)[stat] for point in points}
    for label, text in expressions.items():
        (name,) = set(re.findall(r"\bm\d+", text))
        found[label] = {moment: eval(text, {name: value}) for moment, value in found[name].items()}
    return {name: points for name, points in found.items() if not re.fullmatch(r"m\d+", name)}
