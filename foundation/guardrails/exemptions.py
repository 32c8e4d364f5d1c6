"""What is allowed although a rule or a policy checker objects: each with its reason, until its date."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """One objection that is put up with on one resource, through the day `expires`.

    `rule` is a guardrail's name, or `parliament:<issue>` or `cloudsplaining:<finding>`; `resource` the logical name.
    """

    rule: str
    resource: str
    reason: str
    expires: date


EXEMPTIONS: tuple[Exemption, ...] = ()


def exempted(rule: str, resource: str, today: date, exemptions: tuple[Exemption, ...] = EXEMPTIONS) -> bool:
    """Whether an exemption that has not expired covers a finding."""
    return any(item.rule == rule and item.resource == resource and today <= item.expires for item in exemptions)
