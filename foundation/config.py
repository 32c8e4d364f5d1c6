"""Configuration of the foundation layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundation.naming import SUFFIX_RULE, Names, is_valid_suffix
from foundation.problems import InvalidConfiguration, Problem, together
from foundation.settings import boolean, read_settings, text
from foundation.tags import TAG_VALUE_RULE, Tags, is_valid_tag_value

SETTINGS = (
    text(
        "environmentSuffix",
        default=None,
        valid=is_valid_suffix,
        allowed=SUFFIX_RULE,
        about="Ends every physical name; the stack's name when not set.",
    ),
    text(
        "project", default="estate", valid=is_valid_tag_value, allowed=TAG_VALUE_RULE, about="Value of the tag Project."
    ),
    text(
        "owner",
        default="data-platform",
        valid=is_valid_tag_value,
        allowed=TAG_VALUE_RULE,
        about="Value of the tag Owner.",
    ),
    text(
        "costCenter",
        default="unassigned",
        valid=is_valid_tag_value,
        allowed=TAG_VALUE_RULE,
        about="Value of the tag CostCenter.",
    ),
    boolean(
        "small",
        default=False,
        about="Makes all layers those of a small, short-lived environment: tables on demand, nothing kept warm, "
        "only the alarms that page, no dashboard. A layer's own setting goes before it.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class FoundationConfig:
    """Typed configuration: the suffix of all names and the tags all resources share."""

    suffix: str
    tags: Tags
    small: bool = False

    @property
    def names(self) -> Names:
        """The physical names of the environment."""
        return Names(self.suffix)


def parse(raw: Mapping[str, Any], *, stack: str) -> FoundationConfig:
    """The typed configuration of a stack; raises InvalidConfiguration with everything that is wrong."""
    values, default_suffix = together(
        lambda: read_settings("foundation", SETTINGS, raw), lambda: _default_suffix(raw, stack)
    )
    suffix = values["environmentSuffix"] or default_suffix
    tags = Tags(project=values["project"], environment=suffix, owner=values["owner"], cost_center=values["costCenter"])
    return FoundationConfig(suffix=suffix, tags=tags, small=values["small"])


def _default_suffix(raw: Mapping[str, Any], stack: str) -> str:
    """The stack's name, which has to be a suffix only where it is used as one."""
    if raw.get("environmentSuffix") is None and not is_valid_suffix(stack):
        where = "foundation:environmentSuffix (the stack's name, as it is not set)"
        raise InvalidConfiguration([Problem(where=where, value=stack, allowed=SUFFIX_RULE)])
    return stack
