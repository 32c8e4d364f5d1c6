"""Outputs of the observability layer, for people and tools; no layer reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class ObservabilityOutputs:
    """Topics that notify, names of all alarms, of the dashboard and of the saved queries."""

    page_topic_arn: pulumi.Output[str]
    ticket_topic_arn: pulumi.Output[str]
    alarm_names: Sequence[pulumi.Output[str]]
    dashboard_name: pulumi.Output[str]
    query_names: Sequence[pulumi.Output[str]]

    def export(self) -> None:
        """Writes the stack's outputs."""
        pulumi.export("page_topic_arn", self.page_topic_arn)
        pulumi.export("ticket_topic_arn", self.ticket_topic_arn)
        pulumi.export("alarm_names", self.alarm_names)
        pulumi.export("dashboard_name", self.dashboard_name)
        pulumi.export("query_names", self.query_names)
