"""Configuration of the foundation layer."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from foundation.naming import SUFFIX_RULE, TAG_VALUE_RULE, Names, Tags, is_valid_suffix, is_valid_tag_value
from foundation.problems import InvalidConfiguration, Problem, together
from foundation.settings import Flag, Settings, Text, read_settings, rule, setting

Suffix = Annotated[Text, AfterValidator(rule(is_valid_suffix))]
TagValue = Annotated[Text, AfterValidator(rule(is_valid_tag_value))]


class FoundationConfig(Settings):
    """Typed configuration of foundation: the suffix of all names and the tags of all resources."""

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

    @property
    def suffix(self) -> str:
        """The suffix of the environment; `parse` has set it."""
        assert self.environment_suffix is not None
        return self.environment_suffix

    @property
    def names(self) -> Names:
        """The physical names of the environment."""
        return Names(self.suffix)

    @property
    def tags(self) -> Tags:
        """The tags of the environment."""
        return Tags(project=self.project, environment=self.suffix, owner=self.owner, cost_center=self.cost_center)


def parse(raw: Mapping[str, Any], *, stack: str) -> FoundationConfig:
    """Return the typed configuration of a stack; raise InvalidConfiguration with all problems."""
    config, default = together(
        lambda: read_settings("foundation", FoundationConfig, raw), lambda: _default_suffix(raw, stack)
    )
    return config.model_copy(update={"environment_suffix": config.environment_suffix or default})


def _default_suffix(raw: Mapping[str, Any], stack: str) -> str:
    """Return the stack's name, which must be a valid suffix unless a suffix is set."""
    if raw.get("environmentSuffix") is None and not is_valid_suffix(stack):
        where = "foundation:environmentSuffix (the stack's name, as it is not set)"
        raise InvalidConfiguration([Problem(where=where, value=stack, allowed=SUFFIX_RULE)])
    return stack
