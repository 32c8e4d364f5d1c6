"""Exemptions from rules and policy checkers: each with its reason, until its date."""

from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """One accepted objection, through the day `expires`.

    `rule` is a guardrail's name, or a checker's and its finding, as `parliament:<issue>`; `resource` the logical name,
    or a pattern of names (fnmatch); `about` is a part of the objection's text, so that no other one is exempted.
    """

    rule: str
    resource: str
    about: str
    reason: str
    expires: date

    def covers(self, rule: str, resource: str, text: str) -> bool:
        """True if it is about this objection, expired or not."""
        return self.rule == rule and fnmatchcase(resource, self.resource) and self.about in text


# Both checkers have the same reference.
_LIST_STREAMS = tuple(
    Exemption(
        rule=rule,
        resource="*-policy",
        about="dynamodb:ListStreams",
        reason="The reference has no resource for this action. Lambda asks for it on the stream when a mapping is "
        'created ("Using AWS Lambda with Amazon DynamoDB", its tutorial\'s policy), and on "*" it would be wider.',
        expires=date(2027, 6, 30),
    )
    for rule in ("parliament:RESOURCE_MISMATCH", "policy-sentry:NO_RESOURCE_TYPE")
)

EXEMPTIONS: tuple[Exemption, ...] = (
    *_LIST_STREAMS,
    Exemption(
        rule="parliament:RESOURCE_STAR",
        resource="deployer-observability",
        about="cloudwatch:PutCompositeAlarm",
        reason="CloudWatch refuses both actions on composite alarms to callers without them on everything (API "
        "Reference, PutCompositeAlarm and DescribeAlarms). It is about who rolls out, not about a function's role.",
        expires=date(2027, 6, 30),
    ),
)


def exempted(rule: str, resource: str, text: str, today: date, exemptions: tuple[Exemption, ...] = EXEMPTIONS) -> bool:
    """True if an exemption that has not expired covers an objection."""
    return any(item.covers(rule, resource, text) and today <= item.expires for item in exemptions)
