"""Snapshots: values recorded in a file, an entry a line; `ESTATE_UPDATE=new` records what is meant to change."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


def differences(made: Mapping[str, object], path: Path) -> dict[str, tuple[object, object]]:
    """Return the entries that differ from a snapshot, each as (found, recorded); None stands for no entry."""
    found = json.loads(json.dumps(made))
    if os.environ.get("ESTATE_UPDATE"):
        lines = ",\n".join(
            f"{json.dumps(key)}: {json.dumps(found[key], sort_keys=True, ensure_ascii=False)}" for key in sorted(found)
        )
        path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    recorded = json.loads(path.read_text(encoding="utf-8"))
    both = {key: (found.get(key), recorded.get(key)) for key in {**recorded, **found}}
    return {key: values for key, values in both.items() if values[0] != values[1]}
