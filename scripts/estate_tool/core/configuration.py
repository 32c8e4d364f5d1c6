"""The configuration of an environment, read from its file and checked before anything is touched."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import compute.config
import data.config
import foundation.config
import observability.config
from estate_tool.core.errors import UsageError
from estate_tool.core.paths import ROOT
from foundation.catalog import CATALOG
from foundation.layers import LAYER_NAMES
from foundation.problems import InvalidConfiguration, Problem, together
from foundation.stack_files import layer_files, name_of
from foundation.validation import validate
from foundation.yaml_text import located, scalars

_PARSERS: Mapping[str, Callable[..., Any]] = {
    "foundation": foundation.config.parse,
    "data": data.config.parse,
    "compute": compute.config.parse,
    "observability": observability.config.parse,
}


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The typed configurations of an environment that tools need, and its AWS settings.

    `allowed_accounts` are those that it may be rolled out to.
    """

    foundation: foundation.config.FoundationConfig
    data: data.config.DataConfig
    compute: compute.config.ComputeConfig
    observability: observability.config.ObservabilityConfig
    region: str
    allowed_accounts: tuple[str, ...]


def load(environment: str, root: Path = ROOT) -> Configuration:
    """Return the configuration of all layers; raise UsageError that names everything wrong in any of them."""
    problems = list(_catalog())
    parsed: dict[str, Any] = {}
    provider: dict[str, Any] = {}
    accounts: tuple[str, ...] = ()
    for layer in LAYER_NAMES:
        try:
            files = layer_files(layer, environment, root)
            provider.update(files.aws)
            accounts, parsed[layer] = together(
                partial(_texts, files.aws.get("allowedAccountIds")),
                partial(_PARSERS[layer], files.readable, stack=environment),
            )
        except InvalidConfiguration as error:
            problems += error.problems
    if problems:
        # A problem of the file itself, or of a key of aws:, is found once for each layer.
        lines = "\n".join(f"  - {problem}" for problem in dict.fromkeys(map(str, problems)))
        raise UsageError(
            f"the configuration of environment {environment!r} is not valid; nothing was touched:\n{lines}",
            f"configuration stands in {name_of(environment)}, foundation/catalog.py and compute/sizing.json",
            code="configuration",
        )
    return Configuration(
        foundation=parsed["foundation"],
        data=parsed["data"],
        compute=parsed["compute"],
        observability=parsed["observability"],
        region=str(provider.get("region", "us-east-1")),
        allowed_accounts=accounts,
    )


def values(layer: str, environment: str, root: Path = ROOT) -> dict[str, Any]:
    """Return the plain configuration of a layer by bare key, without secrets; UsageError for a broken file."""
    try:
        return layer_files(layer, environment, root).readable
    except InvalidConfiguration as error:
        raise UsageError(str(error), code="configuration") from error


def _catalog() -> Iterator[Problem]:
    try:
        validate(CATALOG)
    except InvalidConfiguration as error:
        yield from error.problems


def _texts(value: Any) -> tuple[str, ...]:
    """Return the accounts: a list of texts, which `pulumi config set` without --path writes as JSON."""
    unquoted = [one for one in scalars(value) if not one.is_text]
    if unquoted:
        allowed = f'account numbers as text: quote it: "{unquoted[0]}"'
        where = located(unquoted[0], "aws:allowedAccountIds")
        raise InvalidConfiguration([Problem(where=where, value=unquoted[0], allowed=allowed)])
    if isinstance(value, str):
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),) if value else ()
