"""The configuration of an environment, read from the layers' stack files and checked before anything is touched."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import compute.config
import data.config
import foundation.config
import observability.config
from estate_tool.errors import UsageError
from estate_tool.paths import ROOT
from foundation.catalog import CATALOG
from foundation.layers import LAYER_NAMES
from foundation.problems import InvalidConfiguration, Problem
from foundation.validation import validate

# Namespaces a layer's file may hold besides its own: the provider's and the engine's.
_OTHER_NAMESPACES = ("aws", "pulumi")
_PARSERS: Mapping[str, Callable[..., Any]] = {
    "foundation": foundation.config.parse,
    "data": data.config.parse,
    "compute": compute.config.parse,
    "observability": observability.config.parse,
}


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The typed configurations of an environment that tools need, and its AWS settings.

    `allowed_accounts` are, by layer, those that it may be rolled out to.
    """

    foundation: foundation.config.FoundationConfig
    data: data.config.DataConfig
    compute: compute.config.ComputeConfig
    region: str
    allowed_accounts: Mapping[str, tuple[str, ...]]


def load(environment: str, root: Path = ROOT) -> Configuration:
    """The configuration of all layers; raises UsageError that names everything wrong in any of them."""
    problems = list(_catalog())
    parsed: dict[str, Any] = {}
    provider: dict[str, Any] = {}
    accounts: dict[str, tuple[str, ...]] = {}
    for layer in LAYER_NAMES:
        try:
            own, aws = _raw(root / layer, layer, environment)
            provider.update(aws)
            accounts[layer] = _texts(aws.get("allowedAccountIds"))
            parsed[layer] = _PARSERS[layer](own, stack=environment)
        except InvalidConfiguration as error:
            problems += error.problems
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise UsageError(
            f"the configuration of environment {environment!r} is not valid; nothing was touched:\n{lines}",
            f"configuration stands in <layer>/Pulumi.{environment}.yaml, foundation/catalog.py and compute/sizing.json",
        )
    return Configuration(
        foundation=parsed["foundation"],
        data=parsed["data"],
        compute=parsed["compute"],
        region=str(provider.get("region", "us-east-1")),
        allowed_accounts=accounts,
    )


def values(layer: str, environment: str, root: Path = ROOT) -> dict[str, Any]:
    """What is configured for a layer, by bare key, but for what is encrypted; raises UsageError for a broken file."""
    try:
        return _raw(root / layer, layer, environment)[0]
    except InvalidConfiguration as error:
        raise UsageError(str(error)) from error


def _catalog() -> Iterator[Problem]:
    try:
        validate(CATALOG)
    except InvalidConfiguration as error:
        yield from error.problems


def _raw(folder: Path, layer: str, environment: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A layer's own values and those of the provider, by bare key; the stack's file wins over the project's."""
    own: dict[str, Any] = {}
    aws: dict[str, Any] = {}
    problems = []
    for path in (folder / "Pulumi.yaml", folder / f"Pulumi.{environment}.yaml"):
        for full_key, value in _entries(path).items():
            namespace, _, key = full_key.rpartition(":")
            if namespace in ("", layer):
                own[key] = _plain(value)
            elif namespace == "aws":
                aws[key] = _plain(value)
            elif namespace not in _OTHER_NAMESPACES:
                allowed = f"keys of {layer}: or aws: in this file"
                problems.append(Problem(where=f"{folder.name}/{path.name}", value=full_key, allowed=allowed))
    if problems:
        raise InvalidConfiguration(problems)
    # What is encrypted can only be read, and checked, by the program itself.
    return {key: value for key, value in own.items() if not _is_secret(value)}, aws


def content_of(path: Path) -> dict[str, Any]:
    """What stands in a project's or stack's file; empty when there is no such file."""
    try:
        # The C parser is ten times quicker, where PyYAML has it.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidConfiguration([Problem(where=str(path), value=str(error), allowed="valid YAML")]) from error
    return content if isinstance(content, dict) else {}


def _entries(path: Path) -> Mapping[str, Any]:
    entries = content_of(path).get("config")
    if entries is None:
        return {}
    if not isinstance(entries, dict):
        raise InvalidConfiguration([Problem(where=f"{path} config", value=entries, allowed="keys with values")])
    return {str(key): value for key, value in entries.items()}


def _plain(value: Any) -> Any:
    """A value as a Pulumi program gets it: scalars as text, `value:`/`default:` of a project's file taken out."""
    if isinstance(value, dict) and set(value) & {"value", "default"}:
        value = value.get("value", value.get("default"))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _texts(value: Any) -> tuple[str, ...]:
    """A list of texts, which `pulumi config set` without --path writes as JSON."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),) if value else ()


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and "secure" in value
