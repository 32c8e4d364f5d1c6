"""Configuration of an environment from its file, refused where the engine would read another value.

All layers share the file (`stackConfigDir` in each Pulumi.yaml). The engine rewrites it when it creates a stack, with
the values that it read: 0420 becomes "272".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundation.layers import LAYER_NAMES
from foundation.problems import InvalidConfiguration, Problem
from foundation.yaml_text import Scalar, located, read, scalars

ROOT = Path(__file__).parents[1]
FOLDER = "environments"
# Namespaces beside those of the layers: the provider's and the engine's.
_SHARED_NAMESPACES = ("aws", "pulumi")
# The setting for a small environment, such as one per pull request, and the defaults that it implies in other layers.
SMALL = "foundation:small"
SMALL_SETTINGS: Mapping[str, Mapping[str, str]] = {
    "data": {"onDemand": "true"},
    "compute": {"provisionedMinimum": "0"},
    "observability": {"alarmLevel": "pages", "dashboard": "false"},
}
_SALT = "encryptionsalt"
# The engine would pass an encrypted value to functions as plain text, and store it in the state as such.
_PLAIN = "compute:environment"

_NAMESPACES_RULE = f"keys of {', '.join(f'{name}:' for name in LAYER_NAMES)} or aws:"

# Whole numbers that the engine, which reads floats, writes unchanged.
_KEPT = re.compile(r"0|-?[1-9][0-9]{0,14}")


@dataclass(frozen=True, kw_only=True)
class LayerFiles:
    """Configuration of a layer by bare key: its own and the provider's."""

    own: dict[str, Any] = field(default_factory=dict)
    aws: dict[str, Any] = field(default_factory=dict)

    @property
    def readable(self) -> dict[str, Any]:
        """The layer's own values without encrypted ones, which only the program itself can read."""
        return {key: value for key, value in self.own.items() if not _is_secret(value)}


def name_of(stack: str) -> str:
    """Return the path of an environment's file within the checkout, as messages name it."""
    return f"{FOLDER}/Pulumi.{stack}.yaml"


def environments(root: Path) -> list[str]:
    """Return the names of the environments that have a file."""
    return sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in (root / FOLDER).glob("Pulumi.*.yaml"))


def layer_files(layer: str, stack: str, root: Path | None = None) -> LayerFiles:
    """Return the configuration of a layer: the environment overrides the project, both override a small environment.

    Raises InvalidConfiguration with every value that YAML or the engine reads as another one, and with keys of no
    layer, which may be misspelt keys of this one.
    """
    found = LayerFiles()
    checkout = root or ROOT
    problems = list(_of_one_layer(checkout, layer, stack))
    for path in (checkout / layer / "Pulumi.yaml", checkout / name_of(stack)):
        for full_key, value in _entries(path).items():
            namespace, _, key = full_key.rpartition(":")
            if namespace in LAYER_NAMES and namespace != layer:
                continue
            problems += _unlike_written(full_key, value)
            if full_key == _PLAIN and _is_secret(value):
                allowed = "plain values: what is secret is a Secret of the catalog, read at run time"
                problems.append(Problem(where=f"{full_key.location} {full_key}", value="encrypted", allowed=allowed))
            if namespace == layer:
                found.own[key] = _without_schema(value)
            elif namespace == "aws":
                found.aws[key] = _without_schema(value)
            elif namespace not in _SHARED_NAMESPACES:
                problems.append(Problem(where=full_key.location, value=full_key, allowed=_NAMESPACES_RULE))
    if problems:
        raise InvalidConfiguration(problems)
    for key, value in small_defaults(layer, stack, root).items():
        found.own.setdefault(key, value)
    return found


def small_defaults(layer: str, stack: str, root: Path | None = None) -> Mapping[str, str]:
    """Return the defaults of a layer that a small environment implies; empty in any other environment.

    Read from the file, as layers need them before outputs of foundation are known.
    """
    if layer not in SMALL_SETTINGS:
        return {}
    try:
        value = layer_files("foundation", stack, root).own.get("small")
    except InvalidConfiguration:
        return {}  # foundation's own program reports it
    return SMALL_SETTINGS[layer] if str(value).lower() == "true" else {}


def content_of(path: Path) -> dict[str, Any]:
    """Return the content of a project's or stack's file; empty when there is no such file."""
    shown = f"{path.parent.name}/{path.name}"
    try:
        content = read(path.read_text(encoding="utf-8"), shown)
    except FileNotFoundError:
        return {}
    except ValueError as error:  # no UTF-8 is one, too
        raise InvalidConfiguration([Problem(where=shown, value=str(error), allowed="valid YAML")]) from error
    return content if isinstance(content, dict) else {}


def _of_one_layer(root: Path, layer: str, stack: str) -> Iterator[Problem]:
    """Yield a problem for a configuration file of a single layer; one with only a salt is fine."""
    path = root / layer / f"Pulumi.{stack}.yaml"
    if content_of(path).keys() - {_SALT}:
        yield Problem(
            where=f"{layer}/{path.name}",
            value="a file of one layer",
            allowed=f"one file for all layers: move the keys under its config: to {name_of(stack)}, encrypt its "
            "secrets again there (pulumi config set --secret), then delete it",
        )


def _entries(path: Path) -> Mapping[Scalar, Any]:
    entries = content_of(path).get("config")
    if entries is None or (isinstance(entries, Scalar) and entries.is_null):
        return {}
    if not isinstance(entries, dict):
        where = located(entries, "config")
        raise InvalidConfiguration([Problem(where=where, value=entries, allowed="keys with values")])
    return entries


def _unlike_written(key: str, value: Any) -> Iterator[Problem]:
    for one in scalars(value):
        if one.is_null:
            allowed = f'a value; leave the key out for its default, or quote what is text: "{one}"'
        elif one.is_ambiguous or (one.plain and one.is_decimal and not _KEPT.fullmatch(one)):
            allowed = (
                f'text or a plain decimal number or true or false; YAML takes this for another value: quote it: "{one}"'
            )
        else:
            continue
        yield Problem(where=f"{one.location} {key}", value=one, allowed=allowed)


def _without_schema(value: Any) -> Any:
    """Return a value without the `value:` or `default:` around it that a project's file may have."""
    if isinstance(value, dict) and set(value) & {"value", "default"}:
        return value.get("value", value.get("default"))
    return value


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and "secure" in value
