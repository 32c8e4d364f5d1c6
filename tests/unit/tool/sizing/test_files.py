"""Recommendations in compute/sizing.json and in an environment's file: everything else in them stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from compute.sizing import EVIDENCE_KEYS, MEASURED_KEYS
from estate_tool.core.errors import Failed
from estate_tool.sizing import files
from foundation.problems import InvalidConfiguration

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW, NEWER = ({**dict.fromkeys((*EVIDENCE_KEYS, *MEASURED_KEYS)), "invocations": number} for number in (1, 2, 3))
ENTRIES: dict[str, Any] = {name: {"memory_mb": 1024, "evidence": OLD} for name in ("ingest", "query")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "sizing.json").write_text(json.dumps({"functions": ENTRIES}, indent=2) + "\n")
    return tmp_path / "sizing.json"


def entry(path: Path, name: str = "ingest") -> dict[str, Any]:
    return json.loads(path.read_text())["functions"][name]


def test_memory_is_written_with_its_evidence_and_the_entry_before(path: Path) -> None:
    diff = files.apply_sizes({"ingest": (640, NEW)}, path)
    measured = {key: NEW[key] for key in MEASURED_KEYS}
    assert entry(path) == {"memory_mb": 640, "evidence": NEW, "previous": {**ENTRIES["ingest"], "measured": measured}}
    assert entry(path, "query") == ENTRIES["query"]
    assert {'-      "memory_mb": 1024,', '+      "memory_mb": 640,'} <= set(diff.splitlines())
    assert [one.name for one in path.parent.iterdir()] == ["sizing.json"]


def test_the_same_memory_again_keeps_the_entry_to_go_back_to(path: Path) -> None:
    before = path.read_text()
    files.apply_sizes({"ingest": (640, NEW)}, path)
    previous = entry(path)["previous"]
    files.apply_sizes({"ingest": (640, NEWER)}, path)
    assert entry(path) == {"memory_mb": 640, "evidence": NEWER, "previous": previous}
    assert files.revert_sizes(["ingest", "query"], path) != ""
    assert path.read_text() == before
    assert files.revert_sizes(["ingest"], path) == ""


@pytest.mark.parametrize(("memory_mb", "error"), [(3008, InvalidConfiguration), (640, OSError)])
def test_a_size_that_is_rejected_or_can_not_be_written_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, memory_mb: int, error: type[Exception]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    before = path.read_text()
    with pytest.raises(error):
        files.apply_sizes({"ingest": (memory_mb, NEW)}, path)
    assert path.read_text() == before
    assert [one.name for one in path.parent.iterdir()] == ["sizing.json"]


KEYS = {"provisionedMinimum": 2, "provisionedMaximum": 7}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "config:\n  MAXIMUM\n  MINIMUM\n"),
        ("encryptionsalt: v1:x=:y\n", "encryptionsalt: v1:x=:y\nconfig:\n  MAXIMUM\n  MINIMUM\n"),
        ("# ours\nconfig:\n  a:b: 7 # c\n", "# ours\nconfig:\n  MAXIMUM\n  MINIMUM\n  a:b: 7 # c\n"),
        ('config:\n  "compute:provisionedMinimum": "1"\n  a:b: c\n', "config:\n  MAXIMUM\n  MINIMUM\n  a:b: c\n"),
        ("config:\n    compute:provisionedMinimum: 1\n    compute:provisionedMaximum : 3\n",
         "config:\n    MINIMUM\n    MAXIMUM\n"),
    ],
    ids=["empty", "no configuration", "comments", "quoted", "indented"],
)  # fmt: skip
def test_keys_are_set_and_everything_else_stays(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(before)
    diff = files.apply_settings("dev", KEYS, tmp_path)
    after = after.replace("MINIMUM", "compute:provisionedMinimum: 2")
    assert path.read_text() == after.replace("MAXIMUM", "compute:provisionedMaximum: 7")
    assert "+  compute:provisionedMinimum: 2" in diff.replace("+    ", "+  ")
    assert files.apply_settings("dev", KEYS, tmp_path) == ""


@pytest.mark.parametrize(
    "before", ["config:\n    compute:provisionedMaximum: 3\n    a:b: c\n", "config: {a:b: c}\n", "- 1"]
)
def test_a_file_that_can_not_be_changed_here_is_refused_unbroken(before: str, tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(before)
    with pytest.raises(Failed, match=r"Pulumi\.dev\.yaml") as caught:
        files.apply_settings("dev", KEYS, tmp_path)
    assert "compute:provisionedMinimum=2 compute:provisionedMaximum=7" in caught.value.hint
    assert path.read_text() == before


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    files.apply_settings("dev", KEYS, tmp_path)
    config = yaml.safe_load((tmp_path / "Pulumi.dev.yaml").read_text())["config"]
    assert config == {"compute:provisionedMinimum": 2, "compute:provisionedMaximum": 7}
