"""Configuration of the foundation layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator

from foundation.naming import SUFFIX_RULE, TAG_VALUE_RULE, Names, Tags, is_valid_suffix, is_valid_tag_value
from foundation.problems import InvalidConfiguration, Problem, together
from foundation.settings import Flag, Settings, Text, read_settings, rule, setting

Suffix = Annotated[Text, AfterValidator(rule(is_valid_suffix))]
TagValue = Annotated[Text, AfterValidator(rule(is_valid_tag_value))]


class Keys(Settings):
    """Keys of foundation."""

    environment_suffix: Suffix | None = setting(
        None, "Ends every physical name; the stack's name when not set.", allowed=SUFFIX_RULE
    )
    project: TagValue = setting("estate", "Value of the tag Project.", allowed=TAG_VALUE_RULE)
    owner: TagValue = setting("data-platform", "Value of the tag Owner.", allowed=TAG_VALUE_RULE)
    cost_center: TagValue = setting("unassigned", "Value of the tag CostCenter.", allowed=TAG_VALUE_RULE)
    small: Flag = setting(
        False,
        "Makes all layers those of a small, short-lived environment: tables on demand, no provisioned concurrency, "
        "only the alarms that page, no dashboard. A layer's own setting overrides it.",
    )


@dataclass(frozen=True, kw_only=True)
class FoundationConfig:
    """Typed configuration: the suffix of all names and the tags of all resources."""

    suffix: str
    tags: Tags
    small: bool = False

    @property
    def names(self) -> Names:
        """The physical names of the environment."""
        return Names(self.suffix)


def parse(raw: Mapping[str, Any], *, stack: str) -> FoundationConfig:
    """Return the typed configuration of a stack; raise InvalidConfiguration with all problems."""
    keys, default_suffix = together(lambda: read_settings("foundation", Keys, raw), lambda: _default_suffix(raw, stack))
    suffix = keys.environment_suffix or default_suffix
    tags = Tags(project=keys.project, environment=suffix, owner=keys.owner, cost_center=keys.cost_center)
    return FoundationConfig(suffix=suffix, tags=tags, small=keys.small)


def _default_suffix(raw: Mapping[str, Any], stack: str) -> str:
    """Return the stack's name, which must be a valid suffix unless a suffix is set."""
    if raw.get("environmentSuffix") is None and not is_valid_suffix(stack):
        where = "foundation:environmentSuffix (the stack's name, as it is not set)"
        raise InvalidConfiguration([Problem(where=where, value=stack, allowed=SUFFIX_RULE)])
    return stack
