"""Outputs of the foundation layer for the layers above."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from foundation.model import Catalog, ScheduleTrigger
from foundation.upstream import Upstream, register_after


@dataclass(frozen=True, kw_only=True)
class FoundationOutputs:
    """Suffix, account and region of the environment, common tags, roles of functions and of their schedules."""

    suffix: pulumi.Output[str]
    account: pulumi.Output[str]
    region: pulumi.Output[str]
    partition: pulumi.Output[str]
    project: pulumi.Output[str]
    owner: pulumi.Output[str]
    cost_center: pulumi.Output[str]
    role_arns: Mapping[str, pulumi.Output[str]]
    schedule_role_arns: Mapping[str, pulumi.Output[str]]

    def export(self) -> None:
        """Export the stack's outputs."""
        pulumi.export("suffix", self.suffix)
        pulumi.export("account", self.account)
        pulumi.export("region", self.region)
        pulumi.export("partition", self.partition)
        pulumi.export("project", self.project)
        pulumi.export("owner", self.owner)
        pulumi.export("cost_center", self.cost_center)
        # Each by itself: in a preview, the role of an added function leaves those of the others known.
        pulumi.export("role_arns", dict(self.role_arns))
        if self.schedule_role_arns:
            pulumi.export("schedule_role_arns", dict(self.schedule_role_arns))

    @classmethod
    def from_stack(cls, reader: str, catalog: Catalog | None = None) -> "FoundationOutputs":
        """Return the outputs as layer `reader` reads them, with the roles of a `catalog`'s functions."""
        upstream = Upstream(reader, "foundation")
        functions = catalog.functions if catalog else ()
        scheduled = [one.name for one in functions if isinstance(one.trigger, ScheduleTrigger)]
        return cls(
            suffix=upstream.require("suffix"),
            account=upstream.require("account"),
            region=upstream.require("region"),
            partition=upstream.require("partition"),
            project=upstream.require("project"),
            owner=upstream.require("owner"),
            cost_center=upstream.require("cost_center"),
            role_arns={one.name: upstream.require("role_arns", one.name) for one in functions},
            schedule_role_arns={name: upstream.require("schedule_role_arns", name) for name in scheduled},
        )

    def require_suffix(self, suffix: str) -> None:
        """Fail the program, before any resource is registered, unless foundation was rolled out with this suffix.

        Its roles allow no other names.
        """

        def check(deployed: str) -> None:
            if deployed != suffix:
                raise pulumi.RunError(
                    f"layer foundation was rolled out with the suffix {deployed!r}, and the environment is configured "
                    f"with {suffix!r}; roll foundation out first, or set foundation:environmentSuffix back"
                )

        register_after(self.suffix.apply(check))
