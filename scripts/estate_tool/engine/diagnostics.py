"""Errors of resources, in the parts that a script can act on, and hints for errors of the engine itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Refusals of AWS as its SDKs word them: that of Go for errors it has no type for, and for those it has; that of
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

_LOGIN = (
    "sign in to a backend: scripts/estate pulumi login s3://BUCKET, or without an address to Pulumi Cloud; "
    "in a pipeline, set PULUMI_BACKEND_URL"
)
_HINTS = (
    (re.compile(r"PULUMI_ACCESS_TOKEN|not logged in|invalid access token|\b401\b"), _LOGIN),
    (
        re.compile(r"passphrase", re.I),
        "set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the stack's passphrase",
    ),
    (re.compile(r"no space left|disk quota", re.I), "free some space and run the same command again"),
    (
        re.compile(r"unable to open state directory"),
        "make the folder, or sign in to another one: scripts/estate pulumi login file://FOLDER",
    ),
    (re.compile(r"NoSuchBucket|bucket does not exist"), "make the bucket, or correct its name: aws s3 mb s3://BUCKET"),
    (
        re.compile(r"Invalid region|MissingRegion|PermanentRedirect"),
        "name the bucket's region: s3://BUCKET?region=us-east-1, or AWS_REGION",
    ),
    (
        re.compile(r"no such host|dial tcp|i/o timeout", re.I),
        "check the network, and the backend: scripts/estate pulumi whoami --verbose",
    ),
    (re.compile(r"AccessDenied|StatusCode: 403"), "use credentials that may read and write the backend's bucket"),
    (re.compile(r"ExpiredToken|NoCredential|credential", re.I), "sign in to AWS: the backend's bucket needs it"),
)


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One error of a rollout. `rule` is the guardrail that was broken; unknown parts are empty."""

    message: str
    urn: str = ""
    rule: str = ""

    def to_dict(self) -> dict[str, str | None]:
        """Return the shape in a report's `errors`."""
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
        """Return the message with the resource's name first, unless the message has it, as a guardrail's does."""
        named = self.rule or self.message.startswith(self.name)
        return self.message if named else f"{self.name}: {self.message}"


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> str:
    return next((found[1] for pattern in patterns if (found := pattern.search(text))), "")


def hint(diagnostic: str) -> str:
    """Return a hint for the error that the engine ended with."""
    return known_hint(diagnostic) or "scripts/estate doctor ENV checks sign-in, backend and configuration"


def known_hint(diagnostic: str) -> str:
    """Return the hint for an error of the backend or its secrets; empty for any other."""
    return next((hint for pattern, hint in _HINTS if pattern.search(diagnostic)), "")
