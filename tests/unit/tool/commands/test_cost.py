"""`estate cost` with a stated load: comparison of bills, text and page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import cost

if TYPE_CHECKING:
    from pathlib import Path

# 1,000,000 × 0.05 s × 0.5 GB × 0.0000133334 + 0.20; 2 × 0.5 GB × 2,628,000 s × 0.0000033334 = 8.7601752 a month kept
# ready; 5,000,000 × 0.0000004 = 2.00.
LOAD = """
functions: {query: {invocations: 1000000, billed_ms: 50, warm: 2, spilled: 1000000}}
queues: {ingest: {requests: 5000000}}
"""


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "load.yaml"
    path.write_text(LOAD)
    return path


def parsed(done: Any) -> dict[str, Any]:
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_sure_part_of_the_saving_comes_first_and_the_rest_is_named_as_assumed(tmp_path: Path, call: Any) -> None:
    path = tmp_path / "load.yaml"
    path.write_text("functions: {f: {invocations: 10000000, billed_ms: 120}}")
    totals = parsed(call(cost, "--load", str(path), "--json"))["totals"]
    first = call(cost, "--load", str(path)).out.splitlines()[0]
    places = [first.index(f"${totals[f'{kind}_saving_usd']}") for kind in ("sure", "assumed")]
    assert places == sorted(places)
    assert first.index("for sure") < first.index("assumed")


def test_two_bills_are_compared_line_by_line(example: Path, tmp_path: Path, call: Any) -> None:
    before, changed = tmp_path / "main.json", tmp_path / "changed.yaml"
    before.write_text(call(cost, "--load", str(example), "--json").out)
    changed.write_text(LOAD.replace("warm: 2", "warm: 1").replace("queues: {", "queues: {'a|b': {requests: 5000000}, "))
    found = parsed(call(cost, "--load", str(changed), "--compare", str(before), "--json"))["compare"]
    # One provisioned environment less: 8.7601752 / 2 = 4.3800876 less; 5,000,000 requests more: 2.00.
    assert [(line["item"], line["what"], line["difference_usd"]) for line in found["lines"]] == [
        ("query", "kept warm", "-4.38"), ("a|b", "requests", "+2.00"),
    ]  # fmt: skip
    # 0.3333… + 0.20 + 8.76 + 2.00.
    assert (found["with"], found["other_usd"], found["usd"], found["difference_usd"]) == (
        "main.json", "11.29", "8.91", "-2.38",
    )  # fmt: skip
    shown = call(cost, "--load", str(changed), "--compare", str(before)).out.splitlines()
    assert shown[0] == "| US dollars a month | main.json | changed.yaml | difference |"
    assert shown[2] == "| **total** | 11.29 | 8.91 | **-2.38** |"
    assert "| queues: a\\|b, requests | 0.00 | 2.00 | +2.00 |" in shown
    same = parsed(call(cost, "--load", str(example), "--compare", str(before), "--json"))["compare"]
    assert (same["difference_usd"], same["lines"]) == ("0.00", [])


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"components": 5}', "[" * 100_000, '{"components": [], "totals": {}}']
)
def test_a_file_that_is_no_bill_is_not_compared_with(example: Path, tmp_path: Path, call: Any, content: str) -> None:
    other = tmp_path / "other.json"
    other.write_text(content)
    done = call(cost, "--load", str(example), "--compare", str(other))
    assert (done.code, done.out) == (2, "")
    assert call(cost, "--load", str(example), "--compare", str(tmp_path / "none.json")).code == 2


def test_the_page_and_the_text_have_the_numbers_of_the_json(example: Path, tmp_path: Path, call: Any) -> None:
    page = tmp_path / "cost.html"
    found = parsed(call(cost, "--load", str(example), "--json", "--html", str(page)))
    shown, text = page.read_text(), call(cost, "--load", str(example)).out
    for one in (found["totals"], *found["components"]):
        for way in ("before_usd", "after_usd", "saving_usd"):
            amount = one[way].removeprefix("-")
            assert f"${amount}<" in shown
            assert f" {amount}" in text or f"-{amount}" in text
    for assumption in found["assumptions"]:
        assert assumption in text
    assert found["prices"]["as_of"] in shown


def test_a_page_that_cant_be_written_is_an_error(example: Path, tmp_path: Path, call: Any) -> None:
    done = call(cost, "--load", str(example), "--html", str(tmp_path / "none" / "cost.html"))
    assert (done.code, "none/cost.html: No such file or directory" in done.err) == (1, True)
