"""Cost-allocation tags: one set of keys on every taggable resource of every layer."""

import re
from dataclasses import dataclass

# Characters and length AWS allows in a tag value ("Tagging your AWS resources": tag naming limits).
TAG_VALUE_RULE = "1-128 characters: letters, digits, spaces and + - = . _ : / @"
_TAG_VALUE = re.compile(r"[\w .:/=+\-@]{1,128}")

TAG_KEYS = ("Project", "Environment", "Layer", "Component", "Owner", "CostCenter", "ManagedBy")


def is_valid_tag_value(value: str) -> bool:
    """True if `value` can be a tag's value (TAG_VALUE_RULE)."""
    return bool(value.strip()) and _TAG_VALUE.fullmatch(value) is not None


@dataclass(frozen=True, kw_only=True)
class Tags:
    """The tags all resources of an environment share; a layer adds its own name and the component's."""

    project: str
    environment: str
    owner: str
    cost_center: str

    def of(self, layer: str, component: str) -> dict[str, str]:
        """The full set for one resource of a layer; `component` is the workload it belongs to."""
        return {
            "Project": self.project,
            "Environment": self.environment,
            "Layer": layer,
            "Component": component,
            "Owner": self.owner,
            "CostCenter": self.cost_center,
            "ManagedBy": "pulumi",
        }
