"""Snapshots: values recorded in a file, an entry a line; `ESTATE_UPDATE=new` records what is meant to change."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


def compare(made: Mapping[str, object], path: Path) -> None:
    """Compare values with those of a snapshot; fail with the entries that differ."""
    found = json.loads(json.dumps(made))
    if os.environ.get("ESTATE_UPDATE"):
        lines = ",\n".join(
            f"{json.dumps(key)}: {json.dumps(found[key], sort_keys=True, ensure_ascii=False)}" for key in sorted(found)
        )
        path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    recorded = json.loads(path.read_text(encoding="utf-8"))
    assert found.keys() == recorded.keys(), f"{path.name}: ESTATE_UPDATE=new records what is meant to change"
    for key, value in found.items():
        assert value == recorded[key], f"{path.name}: {key}"
