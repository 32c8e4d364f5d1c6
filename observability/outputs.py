"""What the observability layer tells people and tools about itself; no layer reads it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class ObservabilityOutputs:
    """Where notifications come from, which alarms there are, and where to look."""

    page_topic_arn: pulumi.Output[str]
    ticket_topic_arn: pulumi.Output[str]
    alarm_names: Sequence[pulumi.Output[str]]
    dashboard_name: pulumi.Output[str]
    query_names: Sequence[pulumi.Output[str]]

    def export(self) -> None:
        """Writes the stack's outputs."""
        for key in self.__dataclass_fields__:
            pulumi.export(key, getattr(self, key))
