"""Check of the project's English (`scripts/lint.sh words`): how docstrings begin, and words that have a standard name.

Documents are checked for the words alone.

A module's or class's docstring begins with a noun, a function's with a noun or an imperative verb. EXCEPTIONS are files
and KEPT uses that need such a word, each with its reason.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("foundation", "data", "compute", "observability", "lambda_src", "scripts", "tests")
BEGINNINGS = ("What", "Whether", "How", "Where", "Which", "Who", "Whoever", "When", "Those", "Nobody")
# Words of a private dialect, as regular expressions, each with the word of the field.
WORDS: Mapping[str, str] = {
    "bringers": "message_ids_by_event",
    "complain(s|t|ts|ed)?": "diagnostic, error",
    "described": "documented, declared, to_dict",
    "guests?": "undeclared permission",
    "hasten": "make_visible",
    "holdings": "data loss",
    "letters?": "failed message",
    "marks": "idempotency records",
    "meanings?": "summary",
    "mend(s|ed|ing)?": "fix",
    "nobody": "the subject by name: no role, no subscriber",
    "patience": "timeout, seconds for retries",
    "patiently": "retried",
    "postponed": "retryable",
    "purposes?": "component, logical name",
    "says": "reports, states",
    "silences?": "missing data",
    "tells": "reports, notifies",
    "told": "reported, notified, to_dict",
    "uninvited": "undeclared permission",
    "verdicts?": "result",
    "warm": "provisioned concurrency",
    "whoever": "the role that does it: deployer, caller, owner",
}
# Uses of these words that stay, as regular expressions, each with its reason. `_` is read as a space.
KEPT: Mapping[str, str] = {
    r"dead[ -]letters?": "AWS's dead-letter queues",
    r"letters?(?= and digits|,? digits|\")|(?:a|capital) letter": "characters",
    r"warm (?:start|container|pool|environment|invocation|answer)s?": "of an execution environment that has run before",
    # Names of resources, outputs, prices, keys of JSON and of load files, a name of ministack.
    r"[-\"']warm[-\"']|warm percent|lambda warm|kept warm|on warm|function warm|warm: (?:\d|Number)": "names",
    "warm-(?:when-critical|waived)": "names of guardrails",
    r"[\"']told by[\"']": "a key of the fire drill's JSON",
    r"marks=": "pytest's",
}
EXCEPTIONS: Mapping[str, str] = {
    "scripts/words.py": "lists the words",
    "tests/unit/test_words.py": "tries them",
    "CHANGELOG.md": "names things as they were called",
}

_BEGINNING = re.compile(rf"(?:{'|'.join(BEGINNINGS)})\b")
_WORD = re.compile(rf"\b(?:{'|'.join(WORDS)})\b", re.IGNORECASE)
_KEPT = re.compile("|".join(KEPT), re.IGNORECASE)
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def objections(text: str, *, python: bool = True) -> Iterator[tuple[int, str]]:
    """Yield line and reason for each breach in the source of a module, or in a document."""
    for node in ast.walk(ast.parse(text)) if python else ():
        if isinstance(node, _Documented) and (begin := _BEGINNING.match(ast.get_docstring(node) or "")):
            yield node.body[0].lineno, f"a docstring begins with {begin[0]!r}: use a noun or an imperative verb"
    for number, line in enumerate(text.splitlines(), 1):
        for found in _WORD.finditer(_KEPT.sub("", line.replace("_", " "))):
            better = next(word for pattern, word in WORDS.items() if re.fullmatch(pattern, found[0], re.IGNORECASE))
            yield number, f"{found[0]!r}: the field's word is {better}"


def _paths() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


def main() -> int:
    """Print every objection; 1 if there is one."""
    breaches = [
        f"{name}:{line}: {reason}"
        for path in _paths()
        if (name := str(path.relative_to(ROOT))) not in EXCEPTIONS
        for line, reason in objections(path.read_text(encoding="utf-8"), python=path.suffix == ".py")
    ]
    print("".join(f"{breach}\n" for breach in breaches), end="", file=sys.stderr)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
