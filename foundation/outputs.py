"""Outputs of the foundation layer for the layers that read it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from foundation.model import Catalog
from foundation.naming import Arns, Names
from foundation.tags import Tags
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

    def names(self) -> pulumi.Output[Names]:
        """The physical names of the environment."""
        return self.suffix.apply(Names)

    def arns(self) -> pulumi.Output[Arns]:
        """ARNs of the environment's deterministic names."""
        parts = pulumi.Output.all(self.suffix, self.account, self.region, self.partition)
        return parts.apply(lambda p: Arns(names=Names(p[0]), account=p[1], region=p[2], partition=p[3]))

    def name(self, kind: str, purpose: str) -> pulumi.Output[str]:
        """The physical name of a resource."""
        return self.names().apply(lambda names: names.of(kind, purpose))

    def tags(self, layer: str, component: str) -> pulumi.Output[dict[str, str]]:
        """The tags of a resource."""
        parts = pulumi.Output.all(self.project, self.suffix, self.owner, self.cost_center)
        return parts.apply(
            lambda p: Tags(project=p[0], environment=p[1], owner=p[2], cost_center=p[3]).of(layer, component)
        )
