"""What the foundation layer hands to the layers that read it."""

from dataclasses import dataclass

import pulumi

from foundation.naming import Arns, Names
from foundation.tags import Tags
from foundation.upstream import Upstream


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
    role_arns: pulumi.Output[dict[str, str]]

    def export(self) -> None:
        """Writes the stack's outputs."""
        for key in self.__dataclass_fields__:
            pulumi.export(key, getattr(self, key))

    @classmethod
    def from_stack(cls, reader: str) -> "FoundationOutputs":
        """The outputs as the layer `reader` sees them."""
        upstream = Upstream(reader, "foundation")
        return cls(**{key: upstream.require(key) for key in cls.__dataclass_fields__})

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

    def role_arn(self, function: str) -> pulumi.Output[str]:
        """The execution role of a function; fails with the layer to deploy when the catalog is ahead of the stack."""
        stack = pulumi.get_stack()

        def pick(arns: dict[str, str]) -> str:
            if function not in arns:
                raise pulumi.RunError(
                    f"layer foundation has no role for function {function!r}; "
                    f"deploy it first: scripts/deploy_layer.sh foundation {stack}"
                )
            return arns[function]

        return self.role_arns.apply(pick)
