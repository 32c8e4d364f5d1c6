"""YAML with each value as the text that is written, its line, and the types that versions of YAML resolve it to.

YAML 1.1, YAML 1.2 and the engine disagree on unquoted values: some read 0420 as 272, 12:30 as 750, no as false.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

# Deeper than any configuration; a file of brackets must be an error, not a stack overflow.
DEEPEST = 50
_LONGEST_BYTES = 1_000_000

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
# Values that PyYAML (1.1) or the engine's go-yaml (1.1 and 1.2, underscores removed) resolve to a number or a time.
_NUMBER = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?"
)
_BOOLEANS = {"true", "True", "TRUE", "false", "False", "FALSE"}
_YAML_1_1_BOOLEANS = {"y", "yes", "n", "no", "on", "off"}
_NULLS = {"", "~", "null", "Null", "NULL"}


class Scalar(str):
    """A value as it is written, with its `location` (file and line); `plain` if it has no quotes."""

    __slots__ = ("location", "plain")

    location: str
    plain: bool

    def __new__(cls, text: str, location: str, *, plain: bool) -> "Scalar":
        """Make one from its text without quotes."""
        scalar = super().__new__(cls, text)
        scalar.location, scalar.plain = location, plain
        return scalar

    def __repr__(self) -> str:
        """Return the value as it is written, quotes around text only."""
        return super().__repr__() if self.is_text else str(self)

    @property
    def is_text(self) -> bool:
        """True if every version of YAML reads this as text."""
        return not self.plain or not (self.is_decimal or self.is_boolean or self.is_ambiguous)

    @property
    def is_decimal(self) -> bool:
        """True for a number in every version of YAML: decimal digits, no leading zero, no exponent."""
        return _DECIMAL.fullmatch(self) is not None

    @property
    def is_boolean(self) -> bool:
        """True for a boolean of every version of YAML."""
        return self in _BOOLEANS

    @property
    def is_null(self) -> bool:
        """True for null."""
        return self.plain and self in _NULLS

    @property
    def is_ambiguous(self) -> bool:
        """True if some version of YAML resolves it to another value than the one written."""
        if not self.plain or self.is_decimal or self.is_boolean:
            return False
        if self in _NULLS or self in ("=", "<<") or self.lower() in _YAML_1_1_BOOLEANS:
            return True
        return _NUMBER.fullmatch(self.replace("_", "")) is not None


def read(text: str, file: str) -> Any:
    """Return the document: dicts by text, lists, Scalars; None for an empty one. Locations name `file`.

    Raises ValueError, with the line, for invalid YAML, duplicate keys, keys that are no text, tags, anchors within
    themselves, and for a document that is too large or too deep.
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
    """Builder of a document from the parser's events, without recursion."""

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
            self._result = None if isinstance(value, Scalar) and value.is_null else value
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
    """Return all values within a part of a document, without encrypted ones (`secure`)."""
    found: list[Scalar] = []
    waiting, known = [value], set[int]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, Scalar):
            found.append(one)
        elif isinstance(one, dict | list) and id(one) not in known:
            known.add(id(one))  # an anchor's value may be used many times
            waiting += [part for key, part in one.items() if key != "secure"] if isinstance(one, dict) else one
    return found


def located(value: Any, name: str) -> str:
    """Return the name of a setting, after its file and line if known."""
    first = next(iter(scalars(value)), None)
    return f"{first.location} {name}" if first is not None else name
