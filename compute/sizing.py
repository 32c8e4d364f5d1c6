"""Memory of the functions, from the sizing file, which has the evidence for it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, StrictInt

from foundation.documents import Section, read_document, read_json
from foundation.problems import InvalidConfiguration, Problem, one_of, together
from foundation.settings import number, setting

SIZING_FILE = Path(__file__).parent / "sizing.json"
MINIMUM_MB = 512
MAXIMUM_MB = 1024
EVIDENCE_KEYS = ("source", "window", "samples", "average_mb", "p99_mb", "max_mb", "ooms", "time")
# Counts from before a change, which `estate rightsize --verify` compares with.
MEASURED_KEYS = ("invocations", "ooms", "failures", "timeouts", "duration_p99_ms")


def _with(keys: tuple[str, ...]) -> AfterValidator:
    def check(value: dict[str, Any]) -> dict[str, Any]:
        if not set(keys) <= set(value):
            raise ValueError(value)
        return value

    return AfterValidator(check)


class Size(Section):
    """Memory of a function, and its evidence: the keys of EVIDENCE_KEYS and more beside them."""

    memory_mb: StrictInt = number(..., (MINIMUM_MB, MAXIMUM_MB), "", "MB")
    evidence: Annotated[dict[str, Any], _with(EVIDENCE_KEYS)] = setting(
        ..., "", allowed=f"an object with {', '.join(EVIDENCE_KEYS)}"
    )


class Previous(Size):
    """Size before the last change, which `estate rightsize --revert` returns to, with how the function ran then."""

    measured: Annotated[dict[str, StrictInt | None], _with(MEASURED_KEYS)] = setting(
        ..., "", allowed=f"an object with whole numbers of {', '.join(MEASURED_KEYS)}"
    )


class CurrentSize(Size):
    """Size of a function as it is deployed."""

    previous: Previous | None = None


class Sizes(Section):
    """The file: a size for each function."""

    functions: dict[str, CurrentSize]


def read(path: Path = SIZING_FILE) -> Sizes:
    """Return the file's content; raise InvalidConfiguration with all its problems."""
    return checked(_parsed(path), path)


def checked(content: Any, path: Path = SIZING_FILE) -> Sizes:
    """Return validated content of the file; raise InvalidConfiguration with all its problems."""
    return read_document(Sizes, content, _shown(path))


def text_of(content: Any) -> str:
    """Return the text of the file with this content."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def memory_by_function(functions: Iterable[str], path: Path = SIZING_FILE) -> dict[str, int]:
    """Return the memory in MB of each function; raise InvalidConfiguration with all problems of the file."""
    names, content = tuple(functions), _parsed(path)
    sizes, _ = together(lambda: checked(content, path), lambda: _require(names, content, path))
    return {name: sizes.functions[name].memory_mb for name in names}


def _require(names: tuple[str, ...], content: Any, path: Path) -> None:
    """Require a size of each function, and of no other."""
    entries = content.get("functions") if isinstance(content, dict) else None
    if not isinstance(entries, dict):
        return
    problems = [
        *((name, name, one_of(names, name)) for name in entries if name not in names),
        *((name, None, "a size for each function of foundation/catalog.py") for name in names if name not in entries),
    ]
    if problems:
        raise InvalidConfiguration(
            Problem(where=f"{_shown(path)} functions.{name}", value=value, allowed=allowed)
            for name, value, allowed in problems
        )


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _parsed(path: Path) -> Any:
    try:
        return read_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidConfiguration([Problem(where=_shown(path), value=None, allowed="a file that exists")]) from None
    except ValueError as error:
        raise InvalidConfiguration([Problem(where=_shown(path), value=str(error), allowed="valid JSON")]) from error
