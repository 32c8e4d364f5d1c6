"""Outputs of the foundation layer for the layers above."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from foundation.model import Function, ScheduleTrigger
from foundation.upstream import Upstream, register_after


@dataclass(frozen=True, kw_only=True)
class FoundationOutputs:
    """Outputs that other layers read: the suffix, and ARNs of the roles of functions and of their schedules."""

    suffix: pulumi.Output[str]
    role_arns: Mapping[str, pulumi.Output[str]]
    schedule_role_arns: Mapping[str, pulumi.Output[str]]

    @classmethod
    def from_stack(cls, reader: str, functions: Sequence[Function] = ()) -> "FoundationOutputs":
        """Return the outputs as layer `reader` reads them, with the roles of these functions."""
        upstream = Upstream(reader, "foundation")
        return cls(
            suffix=upstream.require("suffix"),
            role_arns={each.name: upstream.require("role_arns", each.name) for each in functions},
            schedule_role_arns={
                each.name: upstream.require("schedule_role_arns", each.name)
                for each in functions
                if isinstance(each.trigger, ScheduleTrigger)
            },
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
