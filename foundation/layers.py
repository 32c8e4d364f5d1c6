"""The layers of the estate, in the only definition of their order."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One Pulumi project; `reads` are the layers whose outputs it takes through StackReferences."""

    name: str
    reads: tuple[str, ...]


# Rollout order; teardown is in reverse. A layer reads only layers before it.
LAYERS = (
    Layer(name="foundation", reads=()),
    Layer(name="data", reads=("foundation",)),
    Layer(name="compute", reads=("foundation", "data")),
    Layer(name="observability", reads=("foundation", "data", "compute")),
)
LAYER_NAMES = tuple(layer.name for layer in LAYERS)


def layer(name: str) -> Layer:
    """Return the layer of that name; raise KeyError when there is none."""
    for candidate in LAYERS:
        if candidate.name == name:
            return candidate
    raise KeyError(name)


def project(name: str) -> str:
    """Return the name of a layer's Pulumi project, as in its Pulumi.yaml; a shared backend may have another `data`."""
    return f"estate-{name}"


def readers(name: str) -> tuple[str, ...]:
    """Return the layers that read the named one, in rollout order."""
    return tuple(candidate.name for candidate in LAYERS if name in candidate.reads)
