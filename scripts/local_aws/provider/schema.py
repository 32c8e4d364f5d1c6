"""Schema of each resource type, derived from the SDK's own classes.

Names, types and required inputs come from `pulumi_aws`. Only the service of the requested type is imported. That takes
seconds: the result is cached as JSON, and derived in a child process, as the plugin replaces the SDK by bare stubs.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import sys
import threading
import typing
import zlib
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

# A type is "str" | "int" | "float" | "bool" | "any" | "archive" | "asset", or a JSON object:
#   {"list": T}  {"map": T}  {"any_of": [T, …]}  {"object": {name: T}, "required": [name, …]}
SdkType = Any
Schema = dict[str, Any]  # {"inputs": {name: T}, "required": [name], "outputs": {name: T}, "limits": see `limits`}

_SCALARS: Final[Mapping[Any, str]] = {str: "str", int: "int", float: "float", bool: "bool"}
_PACKAGE: Final = "pulumi_aws"


def sdk_version() -> str:
    """The installed SDK's version: the plugin must carry the same."""
    import importlib.metadata  # slow to import, as are inspect and subprocess: not for a start that finds its cache

    return importlib.metadata.version("pulumi-aws")


class Schemas:
    """The schemas by type token, read from `cache` (a JSON file) if its stamp fits, else derived and stored there."""

    def __init__(self, tokens: Sequence[str], cache: Path | None = None) -> None:
        self._tokens, self._cache, self._lock = list(tokens), cache, threading.Lock()
        self._known: dict[str, Schema] = {}

    def get(self, token: str) -> Schema:
        """The schema of one resource type or, for `pulumi:providers:aws`, of the provider's configuration."""
        with self._lock:
            if not self._known and self._cache:
                self._known = self._load(self._cache)
            if token not in self._known:
                self._known[token] = derive(token)
            return self._known[token]

    def _load(self, cache: Path) -> dict[str, Schema]:
        stamp = _stamp(self._tokens)
        try:
            stored = json.loads(cache.read_text())
            if stored.get("stamp") == stamp:
                return dict(stored["schemas"])
        except (OSError, ValueError, AttributeError):
            pass  # absent or damaged: derived again below
        known = _derive_in_child(self._tokens)
        partial = cache.with_name(f"{cache.name}.{os.getpid()}")
        with contextlib.suppress(OSError):  # no space, no permission: derived again the next time
            cache.parent.mkdir(parents=True, exist_ok=True)
            partial.touch(0o600)
            partial.write_text(json.dumps({"stamp": stamp, "schemas": known}))
            partial.replace(cache)
        return known


def _stamp(tokens: Sequence[str]) -> dict[str, Any]:
    """Return all that stored schemas depend on: the SDK, botocore, the code and the declarations of this package."""
    import importlib.metadata

    sources = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))
    botocore = importlib.metadata.version("botocore")
    return {"sdk": sdk_version(), "botocore": botocore, "sources": zlib.crc32(sources), "tokens": list(tokens)}


def _derive_in_child(tokens: Sequence[str]) -> dict[str, Schema]:
    """Another process pays for importing the SDK, which is heavy and which the lean plugin has replaced by stubs."""
    import subprocess

    command = [sys.executable, "-P", "-m", __name__, *tokens]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise ValueError(f"the schemas can't be derived from the SDK ({sys.executable}): {reason}")
    return dict(json.loads(done.stdout))


def derive(token: str) -> Schema:
    """The schema of one type, from the class the SDK declares for it."""
    resource, arguments = _classes(token)
    inputs = _members(arguments)
    outputs = _plain_types(resource)
    return {
        "inputs": inputs["object"],
        "required": inputs["required"],
        "outputs": {name: _convert(kind) for name, kind in outputs.items()},
        "limits": _limits(token, inputs["object"]),
    }


def _limits(token: str, inputs: Mapping[str, SdkType]) -> dict[str, Any]:
    """Return the limits that botocore's model of the service has for the inputs of a resource type."""
    from local_aws.provider import limits
    from local_aws.provider.resources import TYPES

    kind = TYPES.get(token)
    return limits.derive(kind, inputs, _botocore().get_service_model(kind.service)) if kind else {}


@functools.cache
def _botocore() -> Any:
    """The one session of botocore, which keeps the models that it has read."""
    import botocore.session

    return botocore.session.get_session()


def _classes(token: str) -> tuple[type, type]:
    """The resource's class and that of its arguments."""
    module = importlib.import_module(_PACKAGE)
    path, name = ("", "Provider") if token == "pulumi:providers:aws" else token.removeprefix("aws:").split(":")
    if path:
        # By attribute: the SDK loads its packages lazily, and importing one from below would leave it half loaded.
        service = path.partition("/")[0]
        module = getattr(module, {"lambda": "lambda_"}.get(service, service))
    return getattr(module, name), getattr(module, f"{name}Args")


def _sdk() -> Any:
    """The SDK's own introspection. Heavy to import: only where a schema is really derived."""
    return importlib.import_module("pulumi._types")


def _plain_types(cls: type) -> dict[str, Any]:
    sdk = _sdk()
    if sdk.is_input_type(cls):
        return dict(sdk.input_type_types(cls))
    return dict(sdk.output_type_types(cls) if sdk.is_output_type(cls) else sdk.resource_types(cls))


def _members(cls: type) -> dict[str, Any]:
    """An argument class as an object type: its wire names, their types, and which of them have no default."""
    import inspect

    types = _plain_types(cls)
    required: list[str] = []
    if _sdk().is_input_type(cls):
        names = _sdk().input_type_py_to_pulumi_names(cls)
        parameters = list(inspect.signature(cls).parameters.values())
        required = [names[parameter.name] for parameter in parameters if parameter.default is parameter.empty]
    return {"object": {name: _convert(kind) for name, kind in types.items()}, "required": required}


@functools.cache
def _convert(kind: Any) -> SdkType:
    """A type annotation as JSON, without what only matters in Python (Awaitable, Output, None)."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        return _union(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"map": _convert(arguments[1])}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"list": _convert(arguments[0])}
    if not isinstance(kind, type):
        return "any"
    if issubclass(kind, Enum):
        return "str"
    if kind.__module__.startswith("pulumi.asset"):
        return "archive" if "Archive" in kind.__name__ else "asset"
    return _members(kind) if kind.__module__.startswith(_PACKAGE) else "any"


def _union(members: Sequence[Any]) -> SdkType:
    plumbing = ("typing.Awaitable", "collections.abc.Awaitable", "pulumi.output.Output")
    kept: list[SdkType] = []
    for member in members:
        if member is type(None) or str(member).startswith(plumbing):
            continue
        converted = _convert(member)
        if converted not in kept:
            kept.append(converted)
    return kept[0] if len(kept) == 1 else {"any_of": kept}


if __name__ == "__main__":
    print(json.dumps({token: derive(token) for token in sys.argv[1:]}))
