"""Outputs of the foundation layer for the layers that read it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from foundation.model import Catalog
from foundation.upstream import Upstream

_PLAIN = ("suffix", "account", "region", "partition", "project", "owner", "cost_center")


@dataclass(frozen=True, kw_only=True)
class FoundationOutputs:
    """Suffix, account and region of the environment, the tags all share, and the execution roles by function."""

    suffix: pulumi.Output[str]
    account: pulumi.Output[str]
    region: pulumi.Output[str]
    partition: pulumi.Output[str]
    project: pulumi.Output[str]
    owner: pulumi.Output[str]
    cost_center: pulumi.Output[str]
    role_arns: Mapping[str, pulumi.Output[str]]

    def export(self) -> None:
        """Writes the stack's outputs."""
        for key in _PLAIN:
            pulumi.export(key, getattr(self, key))
        # Each by itself: in a preview, the role of an added function leaves those of the others known.
        pulumi.export("role_arns", dict(self.role_arns))

    @classmethod
    def from_stack(cls, reader: str, catalog: Catalog | None = None) -> "FoundationOutputs":
        """The outputs as the layer `reader` sees them; with the roles of the functions of a `catalog`."""
        upstream = Upstream(reader, "foundation")
        functions = catalog.functions if catalog else ()
        role_arns = {function.name: upstream.require("role_arns", function.name) for function in functions}
        return cls(role_arns=role_arns, **{key: upstream.require(key) for key in _PLAIN})

    def require_suffix(self, suffix: str) -> None:
        """Fail the program unless foundation was rolled out with this suffix: its roles allow no other names.

        Until that is known, nothing of the stack is registered.
        """

        def check(deployed: str) -> list[pulumi.Resource]:
            if deployed != suffix:
                raise pulumi.RunError(
                    f"layer foundation was rolled out with the suffix {deployed!r}, and the environment is configured "
                    f"with {suffix!r}; roll foundation out first, or set foundation:environmentSuffix back"
                )
            return []

        checked = pulumi.ResourceOptions(depends_on=self.suffix.apply(check))

        def after(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
            if args.opts.parent is not None:
                return None  # registered after its parent
            return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, checked))

        pulumi.runtime.register_stack_transformation(after)
