"""Typed configuration of a layer's program, or an error with every problem."""

from collections.abc import Callable
from typing import Any, TypeVar

import pulumi
from pulumi.runtime import config as engine_config

import foundation.config
from foundation.catalog import CATALOG
from foundation.problems import InvalidConfiguration, together
from foundation.settings import Settings, read_settings, settings
from foundation.stack_files import layer_files
from foundation.validation import validate

Config = TypeVar("Config")


def load(layer: str, keys: type[Settings], parse: Callable[..., Config]) -> Config:
    """Return the layer's typed configuration from the stack's; also validate the catalog.

    Raises pulumi.RunError, before any resource is registered, with every problem.
    """
    config, stack = pulumi.Config(layer), pulumi.get_stack()
    known = [each.key for each in settings(keys)]
    given = {key: value for key in known if (value := config.get(key)) is not None}

    def typed() -> Config:
        # The engine changes values without quotes: 0420 reaches the program as 272. It passes none of another layer's
        # project.
        written = layer_files(layer, stack).readable
        read_settings(layer, keys, {key: written[key] for key in known if key in written})
        return parse({**written, **_set_keys(layer), **given}, stack=stack)

    try:
        return together(typed, lambda: validate(CATALOG))[0]
    except InvalidConfiguration as error:
        raise pulumi.RunError(str(error)) from error


def load_foundation() -> foundation.config.FoundationConfig:
    """Return foundation's configuration, for any layer: the suffix of all names and the tags of all resources.

    Raises pulumi.RunError with every problem.
    """
    return load("foundation", foundation.config.FoundationConfig, foundation.config.parse)


def _set_keys(layer: str) -> dict[str, Any]:
    """Return all keys set for the layer, misspelt ones included; pulumi.Config returns only keys by name."""
    everything = {**engine_config.get_config_env(), **engine_config.CONFIG.get()}
    return {key.removeprefix(f"{layer}:"): value for key, value in everything.items() if key.startswith(f"{layer}:")}
