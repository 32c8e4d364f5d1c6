"""Every page in a real browser: on a desktop, a phone and paper, light and dark, with the numbers of its result."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.console.pages.plots import PALETTE, ROLES
from estate_tool.monitoring import dashboards
from estate_tool.monitoring.metrics import since
from tests.support import browser, results
from tests.support.browser import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DESKTOP, PHONE, PAPER = 1280, 390, 703  # pixels; the last is A4 without its margins
VIEWS = [
    pytest.param({"width": width, "dark": dark, "media": media}, id=name)
    for name, width, dark, media in (
        ("desktop", DESKTOP, False, "screen"), ("desktop-dark", DESKTOP, True, "screen"),
        ("phone", PHONE, False, "screen"), ("phone-dark", PHONE, True, "screen"), ("print", PAPER, True, "print"),
    )
]  # fmt: skip

# For each text that is drawn: itself, its contrast (WCAG 2.2, 1.4.3), and its place, in a scroll box or not.
SEEN = """(() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const linear = value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  const color = (node, property) => channels(getComputedStyle(node)[property]);
  const behind = node => {
    const found = color(node, "backgroundColor");
    if (found.length === 4 && found[3] > 0 && found[3] < 1) throw new Error("half transparent");
    return found[3] === 0 ? behind(node.parentElement) : found;
  };
  const scrolls = node => Boolean(node) && (getComputedStyle(node).overflowX === "auto" || scrolls(node.parentElement));
  const texts = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, text = node.textContent.trim(), within = node.parentElement;
    const range = document.createRange();
    range.selectNodeContents(node);
    const { left, right, width } = range.getBoundingClientRect();
    if (!text || !width || !within.checkVisibility()) continue;
    const [more, less] = [light(color(within, "color")), light(behind(within))].sort((a, b) => b - a);
    texts.push({ text, left, right, contrast: (more + .05) / (less + .05), scrolls: scrolls(within) });
  }
  return { texts, width: document.scrollingElement.scrollWidth, background: color(document.body, "backgroundColor") };
})()"""
# Elements and attributes that no page of ours has: each would be a name that became markup.
FOREIGN = "document.querySelectorAll('script, img, iframe, link, object, b b, svg svg, [onload], [onclick]').length"
FOLDED = """[...document.querySelectorAll("details :is(td, li)")].filter(one => one.textContent.trim())
  .map(one => one.checkVisibility())"""
MONEY = r"(before|after|saving|sure_saving|assumed_saving|on_demand|provisioned|month|waste)_usd|usd|usd_month"


@pytest.fixture(scope="module")
def shown() -> Iterator[Browser]:
    if browser.installed() is None:
        pytest.skip(f"no browser on PATH: {', '.join(browser.NAMES)}")
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module", params=sorted(results.RESULTS))
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return results.write(request.param, tmp_path_factory.mktemp("pages"))[0]


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_fits_and_can_be_read(shown: Browser, page: Path, view: dict[str, Any]) -> None:
    shown.open(page, **view)
    seen = shown.evaluate(SEEN)
    assert seen["width"] <= view["width"]
    assert len(seen["texts"]) > 30
    for one in seen["texts"]:
        assert one["contrast"] >= 4.5, one
        assert one["left"] >= 0, one
        assert one["right"] <= view["width"] or (one["scrolls"] and view["media"] == "screen"), one
    assert (max(seen["background"][:3]) < 64) == (view["dark"] and view["media"] == "screen")
    assert shown.errors == []


def test_names_and_texts_stay_text(shown: Browser, page: Path) -> None:
    shown.open(page, DESKTOP)
    readable = results.HOSTILE.replace("\x1b", "\\u001b").replace("\u202e", "\\u202e")
    assert any(readable in one["text"] for one in shown.evaluate(SEEN)["texts"])
    assert shown.evaluate(FOREIGN) == 0


class Markup(HTMLParser):
    """Collects the elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(name for name, _ in attrs)}


def test_a_page_is_small_and_has_no_script_address_or_control_character(page: Path) -> None:
    written = page.read_text()
    assert len(written.encode()) < 1_000_000
    names = Markup(written).names
    assert not names & {"script", "img", "link", "iframe", "object", "src"}
    assert not [name for name in names if name.startswith("on")]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", written)


@pytest.mark.parametrize("name", ["cost", "dashboard"])
def test_paper_shows_what_a_screen_folds(shown: Browser, tmp_path: Path, name: str) -> None:
    path, _ = results.write(name, tmp_path)
    shown.open(path, PAPER)
    assert set(shown.evaluate(FOLDED)) == {False}
    shown.open(path, PAPER, media="print")
    assert set(shown.evaluate(FOLDED)) == {True}


def numbers(value: Any, keys: str) -> Iterator[float]:
    """Every number, also one that is a text, under a key that matches."""
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(one, dict | list):
            yield from numbers(one, keys)
        elif one is not None and re.fullmatch(keys, str(key)):
            yield float(one)


def read(cell: str) -> float | None:
    """The number in a cell or beside a bar, None for other text."""
    found = re.fullmatch(r"(−?)\$?([\d,]+(?:\.\d+)?)", cell)
    return float(found[1].replace("−", "-") + found[2].replace(",", "")) if found else None


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("cost", rf"{MONEY}|before_mb|memory_mb|billed_ms|p99_ms|init_ms|cold_starts|utilization_percent"),
        ("rightsize", rf"{MONEY}|\w+_mb|samples|ooms|unused_percent"),
        ("audit", MONEY),
    ],
)
def test_a_page_has_every_number_of_its_result(shown: Browser, tmp_path: Path, name: str, keys: str) -> None:
    path, result = results.write(name, tmp_path)
    shown.open(path, PAPER, media="print")
    cells = shown.evaluate("[...document.querySelectorAll('td')].map(one => one.textContent)")
    known, wanted = set(map(read, cells)), set(numbers(result, keys))
    assert len(wanted) > 2
    assert wanted <= known, wanted - known
    bars = shown.evaluate("[...document.querySelectorAll('.bar')].map(one => one.textContent)")
    assert set(map(read, bars)) <= known | {None}


def test_the_dashboard_shows_each_lines_numbers_and_folds_what_is_well(shown: Browser, tmp_path: Path) -> None:
    path, result = results.write("dashboard", tmp_path)
    shown.open(path, DESKTOP)
    cells = "[...row.querySelectorAll('data')].map(one => Number(one.value))"
    rows = shown.evaluate(f"[...document.querySelectorAll('.plots tbody tr')].map(row => {cells})")
    lines = [one["values"] for widget in result["widgets"] for one in widget.get("series", [])]
    assert rows == [[values[-1], max(values)] if values else [] for values in lines]
    visible = "[...document.querySelectorAll('.chip')].filter(one => one.checkVisibility()).map(one => one.innerText)"
    *alarms, fine = shown.evaluate(visible)
    assert len(alarms) == 2
    assert fine.endswith("46 OK")
    assert "UTC" in shown.evaluate("document.querySelector('header').innerText")


def test_a_curve_has_its_points_and_its_gaps(tmp_path: Path) -> None:
    path, result = results.write("dashboard", tmp_path)
    curve = re.findall(r'<path d="([^"]+)"', path.read_text())[0]
    values = result["widgets"][2]["series"][0]["values"]
    minutes = [minute for minute in range(180) if not 60 < minute < 90]
    # 1000 wide for three hours; 1000 high, down from 2,000 ms, the next round number.
    assert [tuple(map(int, point)) for point in re.findall(r"(\d+) (\d+)", curve)] == [
        (pytest.approx(1000 * minute / 180, abs=0.6), pytest.approx(1000 - value / 2, abs=0.6))
        for minute, value in zip(minutes, values, strict=True)
    ]
    assert curve.count("M") == 2


def test_every_role_has_a_colour_of_its_own() -> None:
    for scheme in (0, 1):
        assert len({pair[scheme] for pair in PALETTE.values()}) == len(PALETTE)
    assert set(ROLES.values()) <= PALETTE.keys()


@pytest.mark.parametrize(("text", "seconds"), [("3h", 60), ("24h", 900), ("14d", 21_600), ("70d", 86_400)])
def test_longer_windows_have_points_further_apart(text: str, seconds: int) -> None:
    window = since(text, results.END)
    assert dashboards.fitting_period(window, results.END) == seconds
    asked = dashboards.queries({"period": 300, "metrics": [["N", "M"]]}, seconds)
    assert asked[0]["MetricStat"]["Period"] == max(300, seconds)
