"""The Markdown of job summaries and comments, from the JSON of commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SUMMARY = Path(__file__).parents[2] / "scripts" / "summary.py"
LAYER = {"layer": "data", "result": "planned", "created": 1, "updated": 2, "replaced": 3, "deleted": 4, "same": 5}


def summary(tmp_path: Path, report: Any, name: str = "preview-dev.json") -> str:
    file = tmp_path / name
    if report is not None:
        file.write_text(report if isinstance(report, str) else json.dumps(report))
    done = subprocess.run([sys.executable, "-I", str(SUMMARY), str(file)], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_preview_is_a_row_for_each_layer(tmp_path: Path) -> None:
    text = summary(tmp_path, {"environment": "dev", "ok": True, "layers": [LAYER]})
    assert text.startswith("### dev\n")
    assert "| data | planned | 1 | 2 | 3 | 4 | 5 |" in text


def test_data_that_would_be_lost_stands_before_the_layers(tmp_path: Path) -> None:
    loss = {"name": "table-a-dev", "text": "49 items", "change": "replaced", "because": ["hashKey"]}
    text = summary(tmp_path, {"environment": "dev", "ok": True, "layers": [LAYER], "losses": [loss]})
    assert text.index("| table-a-dev | 49 items | replaced hashKey |") < text.index("| data |")


def test_what_stays_for_a_layer_above_and_where_dead_letters_go_is_shown(tmp_path: Path) -> None:
    loss = {"name": "dlq-a-dev", "text": "4 messages", "change": "deleted", "because": [], "note": "replay them first"}
    layer = {**LAYER, "kept": ["a-role", "a-policy"]}
    text = summary(tmp_path, {"environment": "dev", "ok": True, "layers": [layer], "losses": [loss]})
    assert "dlq-a-dev: replay them first" in text
    assert "**data** keeps what a layer above still uses: a-role, a-policy" in text


def test_a_failure_is_marked_with_its_error_and_the_command_that_goes_on(tmp_path: Path) -> None:
    failed = {**LAYER, "result": "failed", "error": "queue: Denied"}
    report = {"environment": "dev", "ok": False, "layers": [failed], "continue": "scripts/deploy_all.sh dev"}
    text = summary(tmp_path, report)
    assert text.startswith("### ❌ dev\n")
    assert "**data**: queue: Denied" in text
    assert "`scripts/deploy_all.sh dev`" in text


def test_a_refused_run_shows_the_reason(tmp_path: Path) -> None:
    text = summary(tmp_path, {"ok": False, "error": "no backend", "hint": "log in"})
    assert text.startswith("### ❌ preview-dev\n")
    assert "**no backend**" in text


@pytest.mark.parametrize("left", [None, "", '{"environment": "d', "[]", "null"])
def test_a_report_that_is_missing_or_half_written_is_shown(tmp_path: Path, left: str | None) -> None:
    assert "No report" in summary(tmp_path, left)


def test_drift_is_a_row_for_each_property(tmp_path: Path) -> None:
    one = {"layer": "compute", "resource": "f", "property": "memorySize", "expected": 512, "actual": 3008, "class": "x"}
    text = summary(tmp_path, {"environment": "dev", "drifted": [one]})
    assert "| compute | f | memorySize | 512 | 3008 | x |" in text
    assert "As it was rolled out." in summary(tmp_path, {"environment": "dev", "drifted": []})


def test_what_others_wrote_is_no_markup_and_notifies_no_one(tmp_path: Path) -> None:
    said = "a|b <script> `x` @everyone [l](http://e) ![i](http://e)\n| c |"
    text = summary(tmp_path, {"environment": "dev", "ok": False, "error": said, "layers": []})
    assert "<script>" not in text
    assert r"\|" in text
    assert r"\@everyone" in text
    assert r"\!\[i\]" in text


def test_a_long_table_ends_with_the_number_of_what_is_left_out(tmp_path: Path) -> None:
    one = {"layer": "compute", "resource": "f", "property": "p", "expected": 1, "actual": 2, "class": "x"}
    text = summary(tmp_path, {"environment": "dev", "drifted": [one] * 53})
    assert text.count("| compute |") == 50
    assert "and 3 more" in text
