"""Outputs of lower layers, read through StackReferences."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import pulumi
from pulumi.output import UNKNOWN as UNKNOWN_OUTPUT
from pulumi.runtime.rpc import UNKNOWN

from foundation.layers import LAYER_NAMES, layer, project

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Model = TypeVar("Model", bound="DataclassInstance")
# The engine shows this instead of a secret.
_UNKNOWN_WORDS = (UNKNOWN, "[secret]")
_planned: dict[str, Any] = {}


@contextlib.contextmanager
def planned(outputs: Mapping[str, Any]) -> Iterator[None]:
    """Have previews read these planned outputs, by layer, instead of deployed ones.

    They are as the engine previews them: UNKNOWN is a value that only AWS's answer decides, or all of a layer's.
    """
    _planned.update(outputs)
    try:
        yield
    finally:
        _planned.clear()


def register_after(checks: pulumi.Input[Any]) -> None:
    """Register the stack's resources after `checks` of the lower layers are known; fail the program if one fails."""
    known = pulumi.ResourceOptions(depends_on=pulumi.Output.from_input(checks).apply(lambda _: list[pulumi.Resource]()))

    def after(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.opts.parent is not None:
            return None  # registered after its parent
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, known))

    pulumi.runtime.register_stack_transformation(after)


class Upstream:
    """Outputs of a lower layer, as its stack of the same name exported them."""

    def __init__(self, reader: str, name: str) -> None:
        """Read layer `name` from layer `reader`; raise ValueError unless the order of layers allows it."""
        if name not in layer(reader).reads:
            raise ValueError(f"layer {reader} does not read {name}: the order is {' → '.join(LAYER_NAMES)}")
        self.name = name
        stack = pulumi.get_stack()
        # `organization` is the name of the only organisation of a self-managed backend.
        self._reference = None
        # A rollout never builds on a plan.
        self._plan = _planned.get(name) if pulumi.runtime.is_dry_run() else None
        if self._plan is None:
            self._reference = pulumi.StackReference(f"{pulumi.get_organization()}/{project(name)}/{stack}")
        self._hint = f"deploy it first: scripts/deploy_layer.sh {name} {stack}"

    def require(self, *path: str) -> pulumi.Output[Any]:
        """Return the output at a path of keys; fail the program with the layer to deploy if it is missing."""
        if self._reference is not None:
            return self._reference.outputs.apply(lambda outputs: self._walk(outputs, path))
        value = self._walk(self._plan, path)
        return pulumi.Output.from_input(UNKNOWN_OUTPUT if _has_unknown(value) else value)

    def read(self, model: type[Model], *path: str) -> Model:
        """Return the outputs at a path of keys as a dataclass, whose fields are the last keys."""
        return model(**{field.name: self.require(*path, field.name) for field in fields(model)})

    def _walk(self, outputs: Any, path: tuple[str, ...]) -> Any:
        value = outputs
        for key in path:
            if value == UNKNOWN:
                return UNKNOWN
            if not isinstance(value, Mapping) or key not in value:
                raise pulumi.RunError(f"layer {self.name} has no output {'.'.join(path)!r}; {self._hint}")
            value = value[key]
        return value


def _has_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(_has_unknown, value))
    return value in _UNKNOWN_WORDS
