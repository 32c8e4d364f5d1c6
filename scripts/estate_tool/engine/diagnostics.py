"""Errors of resources, in the parts that a script can act on."""

from __future__ import annotations

import re
from dataclasses import dataclass

# How the AWS SDKs word it that AWS refused: that of Go for errors it has no type for, and for those it has; that of
# Python; and the bundled provider's short form.
_CODES = (
    re.compile(r"api error ([A-Za-z][\w.]*):"),
    re.compile(r"https response error StatusCode: \d+,(?: \w+: [^,]*,)* ([A-Za-z][\w.]*):"),
    re.compile(r"An error occurred \(([\w.]+)\) when calling"),
    re.compile(r"(?:^|\s)([A-Z][A-Za-z]+(?:\.[A-Za-z]+)*): .*\(operation [\w:-]+\)", re.S),
)
_ACTIONS = (
    re.compile(r"not authorized to perform: ([\w-]+:\w+)"),
    re.compile(r"operation error [\w ]+: (\w+)"),
    re.compile(r"when calling the (\w+) operation"),
    re.compile(r"\(operation (?:[\w-]+:)?(\w+)\)"),
)


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One error of a rollout. `rule` is the guardrail that was broken; what is not known is empty."""

    message: str
    urn: str = ""
    rule: str = ""

    def as_json(self) -> dict[str, str | None]:
        """The shape in a report's `errors`."""
        return {
            "message": self.message,
            "urn": self.urn or None,
            "type": self.type or None,
            "name": self.name or None,
            "code": self.code or None,
            "action": self.action or None,
            "rule": self.rule or None,
        }

    @property
    def type(self) -> str:
        """The resource's own type, such as aws:sqs/queue:Queue."""
        return self.urn.split("::")[2].rpartition("$")[2] if self.urn.count("::") >= 3 else ""

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def code(self) -> str:
        """AWS's name for the reason, such as AccessDenied."""
        return _first(_CODES, self.message)

    @property
    def action(self) -> str:
        """Return the refused IAM action where AWS names it, such as sqs:CreateQueue, else the operation."""
        return _first(_ACTIONS, self.message)

    def __str__(self) -> str:
        """For a person: the resource's name first, unless the message has it; a guardrail's message always does."""
        named = self.rule or self.message.startswith(self.name)
        return self.message if named else f"{self.name}: {self.message}"


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> str:
    return next((found[1] for pattern in patterns if (found := pattern.search(text))), "")
