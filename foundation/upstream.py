"""Reading another layer's outputs: the one place that builds StackReferences."""

from collections.abc import Mapping
from typing import Any

import pulumi

from foundation.layers import LAYER_NAMES, layer


class Upstream:
    """The outputs of a lower layer, as the stack of the same name exported them."""

    def __init__(self, reader: str, name: str) -> None:
        """`reader` is the layer that reads, `name` the one it reads; ValueError unless the order allows it."""
        if name not in layer(reader).reads:
            raise ValueError(f"layer {reader} does not read {name}: the order is {' → '.join(LAYER_NAMES)}")
        self.name = name
        stack = pulumi.get_stack()
        # `organization` is what self-managed backends call the only organisation they have.
        self._reference = pulumi.StackReference(f"{pulumi.get_organization()}/{name}/{stack}")
        self._hint = f"deploy it first: scripts/deploy_layer.sh {name} {stack}"

    def require(self, *path: str) -> pulumi.Output[Any]:
        """The output at a path of keys; fails the program with the layer to deploy when it isn't there."""
        return self._reference.outputs.apply(lambda outputs: self._walk(outputs, path))

    def _walk(self, outputs: Mapping[str, Any], path: tuple[str, ...]) -> Any:
        value: Any = outputs
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                raise pulumi.RunError(f"layer {self.name} has no output {'.'.join(path)!r}; {self._hint}")
            value = value[key]
        return value
