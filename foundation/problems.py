"""Problems of a configuration or declaration, collected so that all can be reported at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One rejected value: where it stands, what was found, what is allowed there."""

    where: str
    value: object
    allowed: str

    def __str__(self) -> str:
        return f"{self.where} is {_shown(self.value)}; allowed: {self.allowed}"


class InvalidConfiguration(Exception):
    """Raised before anything is touched; carries every problem found, not just the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("invalid configuration:\n" + "\n".join(f"  - {problem}" for problem in self.problems))


def together(*checks: Callable[[], Any]) -> list[Any]:
    """The results of all checks, in order; raises one InvalidConfiguration with the problems of all that fail."""
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
    """The allowed names as text, with the closest one offered first when `value` looks like a slip of the pen."""
    names = sorted(known)
    close = nearest(names, value)
    hint = f" (did you mean {close!r}?)" if close else ""
    return ("one of " + ", ".join(names) if names else "nothing: none is declared") + hint


def nearest(known: Iterable[str], value: str, likeness: float = 0.6) -> str:
    """Return the name that is most like `value`; empty when none is to that degree, of 1."""
    # Here, as every command's start loads this module.
    import difflib

    return next(iter(difflib.get_close_matches(value, list(known), n=1, cutoff=likeness)), "")


def there_are(known: Iterable[str], value: str) -> str:
    """Return a hint of one or two lines for a name that there is not: the nearest one, and all that there are."""
    names = sorted(known)
    close = nearest(names, value)
    listed = f"there are: {', '.join(names)}" if names else "there is none"
    return f"did you mean {close!r}?\n{listed}" if close else listed


def _shown(value: object) -> str:
    """The value as a person would recognise it, never longer than a line."""
    text = "not set" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
