"""Files of a new function, written together or not at all."""

from __future__ import annotations

import contextlib
import shutil
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from compute.sizing import EVIDENCE_KEYS, MINIMUM_MB, text_of
from estate_tool.core.errors import UsageError
from estate_tool.core.paths import ROOT
from estate_tool.scaffold import catalog_file
from foundation.documents import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foundation.model import Function

CATALOG_FILE, SIZING_FILE = "foundation/catalog.py", "compute/sizing.json"
_TEMPLATES = Path(__file__).parent / "templates"
_UNMEASURED = "none yet: smallest size allowed, until measurements are applied"


def write(function: Function, root: Path = ROOT) -> list[str]:
    """Write declaration, size, handler and tests into a checkout; return the paths, relative to it.

    Raises UsageError, with nothing written, for a name that is taken, and where the catalog has another form.
    """
    _refuse_taken(function, root)
    edited = {CATALOG_FILE: catalog_file.added((root / CATALOG_FILE).read_text(encoding="utf-8"), function)}
    edited[SIZING_FILE] = _sized((root / SIZING_FILE).read_text(encoding="utf-8"), function.name)
    before = {path: (root / path).read_text(encoding="utf-8") for path in edited}
    new = dict(_files(function))
    with contextlib.ExitStack() as undo:
        for folder in _folders(function):
            undo.callback(shutil.rmtree, root / folder, ignore_errors=True)
        for path, text in before.items():
            undo.callback((root / path).write_text, text, encoding="utf-8")
        for path, text in {**new, **edited}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        undo.pop_all()
    return [*new, *edited]


def _folders(function: Function) -> tuple[str, str]:
    return f"lambda_src/{function.package}", f"tests/lambdas/{function.package}"


def _refuse_taken(function: Function, root: Path) -> None:
    """Raise UsageError where the package can't have this name, or is there already."""
    package = function.package
    for folder in _folders(function):
        if (root / folder).exists():
            raise UsageError(f"{folder} is there already; nothing was written", "choose another name, or move it away")
    # The handler's package lies on Python's path, in Lambda as here: it would hide the other one, or be hidden.
    if iskeyword(package) or _importable(package):
        raise UsageError(
            f"the function's package would be called {package!r}, as a word or module of Python's, or of ours, is; "
            "nothing was written",
            f"choose another name, for example {function.name}-events",
        )


def _importable(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return True


def _files(function: Function) -> Iterator[tuple[str, str]]:
    """Yield the path and text of each new file."""
    code, tests = _folders(function)
    yield f"{code}/__init__.py", f'"""{function.description}"""\n'
    for part, path in (
        ("handler", f"{code}/handler.py"),
        ("settings", f"{code}/settings.py"),
        ("payload", f"{tests}/payload.py"),
        ("test", f"{tests}/test_{function.package}.py"),
    ):
        yield path, _text(function, part)


def _text(function: Function, part: str) -> str:
    kind, _, source = catalog_file.source(function)
    template = Template((_TEMPLATES / kind / f"{part}.py.txt").read_text(encoding="utf-8"))
    text = template.substitute(
        name=function.name, package=function.package, description=function.description, source=source
    )
    paragraphs = (_sorted(paragraph, function.package) for paragraph in text.split("\n\n"))
    return "\n\n".join(paragraphs)


def _sorted(paragraph: str, package: str) -> str:
    """Return imports with the function's own among the others, in the order of the alphabet; other text as it is."""
    lines = paragraph.split("\n")
    own = any(line.startswith((f"from {package}.", f"from {package} ")) for line in lines)
    return "\n".join(sorted(lines, key=lambda line: line.split()[1])) if own else paragraph


def _sized(text: str, name: str) -> str:
    content = read_json(text)
    evidence = {**dict.fromkeys(EVIDENCE_KEYS), "source": _UNMEASURED, "samples": 0, "ooms": 0}
    content["functions"][name] = {"memory_mb": MINIMUM_MB, "evidence": evidence}
    return text_of(content)
