"""YAML read as it is written: each value as text with its line, and what the versions of YAML would take it for.

YAML 1.1, YAML 1.2 and the engine disagree on unquoted values: 0420 is 272, 12:30 is 750, no is false, to some of them.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

# Deeper than any configuration; a file of brackets must end in an error, not in the interpreter's stack.
DEEPEST = 50
_LONGEST_BYTES = 1_000_000

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
# What PyYAML (1.1) or the engine's go-yaml (1.1 and 1.2, underscores left out) take for a number, a time or a truth.
_NUMBER = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?"
)
_TRUTHS = {"true", "True", "TRUE", "false", "False", "FALSE"}
_OTHER_TRUTHS = {"y", "yes", "n", "no", "on", "off"}
_NOTHING = {"", "~", "null", "Null", "NULL"}


class Scalar(str):
    """A value as it is written, with its `place` (file and line); `plain` if no quotes say that it is text."""

    __slots__ = ("place", "plain")

    place: str
    plain: bool

    def __new__(cls, text: str, place: str, *, plain: bool) -> "Scalar":
        """Make one from its text without quotes."""
        scalar = super().__new__(cls, text)
        scalar.place, scalar.plain = place, plain
        return scalar

    def __repr__(self) -> str:
        """The value as it is written: only text in quotes."""
        return super().__repr__() if self.is_text else str(self)

    @property
    def is_text(self) -> bool:
        """True if every version of YAML reads this as text."""
        return not self.plain or not (self.is_decimal or self.is_truth or self.is_ambiguous)

    @property
    def is_decimal(self) -> bool:
        """True for a number that is read alike everywhere: decimal digits, no leading zero, no exponent."""
        return _DECIMAL.fullmatch(self) is not None

    @property
    def is_truth(self) -> bool:
        """True for a boolean of every version of YAML."""
        return self in _TRUTHS

    @property
    def is_nothing(self) -> bool:
        """True if it stands for no value."""
        return self.plain and self in _NOTHING

    @property
    def is_ambiguous(self) -> bool:
        """True if some reader of YAML takes it for something else than what is written."""
        if not self.plain or self.is_decimal or self.is_truth:
            return False
        if self in _NOTHING or self in ("=", "<<") or self.lower() in _OTHER_TRUTHS:
            return True
        return _NUMBER.fullmatch(self.replace("_", "")) is not None


def read(text: str, file: str) -> Any:
    """Return the document: dicts by text, lists, Scalars; None for an empty one. `file` is named in places.

    Raises ValueError, with the line, for what is no YAML, for a key that stands twice, and for what is too large or too
    deep. Keys have to be text, tags are not read; anchors may be used, but not within themselves.
    """
    if len(text) > _LONGEST_BYTES:
        raise ValueError(f"it has more than {_LONGEST_BYTES:,} characters")
    try:
        # The C parser is ten times quicker, where PyYAML has it.
        return _Builder(file).document(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


class _Builder:
    """Puts a document together from the parser's events, without recursion."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._anchors: dict[str, Any] = {}
        self._open: list[tuple[Any, list[Any], str | None]] = []  # container, pending key, anchor
        self._result: Any = None
        self._seen = False

    def document(self, events: Any) -> Any:
        """Take all of the parser's events."""
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and self._seen:
                raise ValueError(f"line {_line(event)}: it has more than one document")
            if isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                container, _, anchor = self._open.pop()
                self._add(container, anchor, event)
        return self._result

    def _node(self, event: Any) -> None:
        line = _line(event)
        if getattr(event, "tag", None):
            raise ValueError(f"line {line}: {event.tag} is a tag, which is not read here; quote what is text")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise ValueError(f"line {line}: there is no whole value &{event.anchor} before *{event.anchor}")
            self._add(self._anchors[event.anchor], None, event)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(Scalar(event.value, f"{self._file}:{line}", plain=event.implicit[0]), event.anchor, event)
        else:
            if len(self._open) >= DEEPEST:
                raise ValueError(f"line {line}: it is nested more than {DEEPEST} deep")
            made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._open.append((made, [], event.anchor))

    def _add(self, value: Any, anchor: str | None, event: Any) -> None:
        if anchor:
            self._anchors[anchor] = value
        if not self._open:
            self._seen = True
            self._result = None if isinstance(value, Scalar) and value.is_nothing else value
            return
        container, pending, _ = self._open[-1]
        if isinstance(container, list):
            container.append(value)
        elif not pending:
            pending.append(self._key(container, value, event))
        else:
            container[pending.pop()] = value

    def _key(self, container: dict[str, Any], value: Any, event: Any) -> Hashable:
        line = _line(event)
        if not isinstance(value, Scalar) or (value.plain and value == "<<"):
            raise ValueError(f"line {line}: a key has to be text")
        if value in container:
            raise ValueError(f"line {line}: {value} stands twice")
        return value


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def scalars(value: Any) -> list[Scalar]:
    """Return all values within a part of a document, but for what is encrypted (`secure`)."""
    found: list[Scalar] = []
    waiting, known = [value], set[int]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, Scalar):
            found.append(one)
        elif isinstance(one, dict | list) and id(one) not in known:
            known.add(id(one))  # an anchor's value may be in many places
            waiting += [part for key, part in one.items() if key != "secure"] if isinstance(one, dict) else one
    return found


def located(value: Any, name: str) -> str:
    """Return the name of a setting, after its file and line where those are known."""
    first = next(iter(scalars(value)), None)
    return f"{first.place} {name}" if first is not None else name
