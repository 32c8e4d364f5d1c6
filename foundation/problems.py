"""Problems of a configuration or declaration, collected so that all can be reported at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A rejected value: its location, the value, and the rule."""

    where: str
    value: object
    allowed: str

    def __str__(self) -> str:
        return f"{self.where} is {_shown(self.value)}; allowed: {self.allowed}"


class InvalidConfiguration(Exception):
    """Raised with every problem found, before anything is changed."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("invalid configuration:\n" + "\n".join(f"  - {problem}" for problem in self.problems))


def together(*checks: Callable[[], Any]) -> list[Any]:
    """Return the results of all checks, in order; raise one InvalidConfiguration with the problems of all that fail."""
    results: list[Any] = []
    problems: list[Problem] = []
    for check in checks:
        try:
            results.append(check())
        except InvalidConfiguration as error:
            problems += error.problems
    if problems:
        raise InvalidConfiguration(problems)
    return results


def one_of(known: Iterable[str], value: str) -> str:
    """Return the allowed names as text, with the nearest one as a suggestion when `value` is like it."""
    names = sorted(known)
    close = nearest(names, value)
    hint = f" (did you mean {close!r}?)" if close else ""
    return ("one of " + ", ".join(names) if names else "nothing: none is declared") + hint


def nearest(known: Iterable[str], value: str, likeness: float = 0.6) -> str:
    """Return the name most like `value`; empty when none has that likeness (0 to 1)."""
    # Imported here, as every command loads this module at its start.
    import difflib

    return next(iter(difflib.get_close_matches(value, list(known), n=1, cutoff=likeness)), "")


def known_names(known: Iterable[str], value: str) -> str:
    """Return a hint of one or two lines for an unknown name: the nearest one, and all known ones."""
    names = sorted(known)
    close = nearest(names, value)
    listed = f"there are: {', '.join(names)}" if names else "there is none"
    return f"did you mean {close!r}?\n{listed}" if close else listed


def _shown(value: object) -> str:
    """Return the value in at most a line."""
    text = "not set" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
