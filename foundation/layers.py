"""The layers of the estate and their order: the only place where the order stands."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One Pulumi project; `reads` are the layers whose outputs it takes through StackReferences."""

    name: str
    reads: tuple[str, ...]


# Rollout order; teardown goes through it backwards. A layer reads only layers that stand before it.
LAYERS = (
    Layer(name="foundation", reads=()),
    Layer(name="data", reads=("foundation",)),
    Layer(name="compute", reads=("foundation", "data")),
    Layer(name="observability", reads=("foundation", "data", "compute")),
)
LAYER_NAMES = tuple(layer.name for layer in LAYERS)


def layer(name: str) -> Layer:
    """The layer of that name; KeyError when there is none."""
    for candidate in LAYERS:
        if candidate.name == name:
            return candidate
    raise KeyError(name)


def project(name: str) -> str:
    """The name of a layer's Pulumi project, as in its Pulumi.yaml: others who use the backend may have a `data` too."""
    return f"estate-{name}"


def readers(name: str) -> tuple[str, ...]:
    """The layers that read the named one, in rollout order."""
    return tuple(candidate.name for candidate in LAYERS if name in candidate.reads)
