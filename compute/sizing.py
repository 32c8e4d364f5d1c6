"""Memory of the functions, from the file that holds the evidence for it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from foundation.problems import InvalidConfiguration, Problem, one_of

SIZING_FILE = Path(__file__).parent / "sizing.json"
MINIMUM_MB = 512
MAXIMUM_MB = 1024
MEMORY_RULE = f"a whole number of MB from {MINIMUM_MB} to {MAXIMUM_MB}"
EVIDENCE_KEYS = ("source", "window", "samples", "average_mb", "p99_mb", "max_mb", "ooms", "time")


def memory_by_function(functions: Iterable[str], path: Path = SIZING_FILE) -> dict[str, int]:
    """Memory in MB of each function; raises InvalidConfiguration with everything that is wrong in the file."""
    names = tuple(functions)
    entries = _read(path)
    problems = [
        *(
            Problem(where=f"{_shown(path)} functions.{name}", value=name, allowed=one_of(names, name))
            for name in entries
            if name not in names
        ),
        *(problem for name in names for problem in _check(path, name, entries.get(name))),
    ]
    if problems:
        raise InvalidConfiguration(problems)
    return {name: entries[name]["memory_mb"] for name in names}


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidConfiguration([Problem(where=_shown(path), value=None, allowed="a file that exists")]) from None
    except ValueError as error:
        raise InvalidConfiguration([Problem(where=_shown(path), value=str(error), allowed="valid JSON")]) from error
    entries = content.get("functions") if isinstance(content, dict) else None
    if not isinstance(entries, dict):
        raise InvalidConfiguration(
            [Problem(where=f"{_shown(path)} functions", value=entries, allowed="an object with an entry per function")]
        )
    return entries


def _check(path: Path, name: str, entry: Any) -> Iterator[Problem]:
    where = f"{_shown(path)} functions.{name}"
    if not isinstance(entry, dict):
        yield Problem(where=where, value=entry, allowed='an object with "memory_mb" and "evidence"')
        return
    memory = entry.get("memory_mb")
    whole = memory if isinstance(memory, int) and not isinstance(memory, bool) else 0
    if not MINIMUM_MB <= whole <= MAXIMUM_MB:
        yield Problem(where=f"{where}.memory_mb", value=memory, allowed=MEMORY_RULE)
    evidence = entry.get("evidence")
    missing = [key for key in EVIDENCE_KEYS if not isinstance(evidence, dict) or key not in evidence]
    if missing:
        yield Problem(where=f"{where}.evidence", value=evidence, allowed="an object with " + ", ".join(EVIDENCE_KEYS))
