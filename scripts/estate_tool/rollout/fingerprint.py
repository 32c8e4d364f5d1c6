"""The digest of everything a layer's rollout depends on: equal digests, equal rollouts.

Made of contents only (no times, no absolute paths, nothing of the machine), so that it is the same everywhere.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compute.packaging import source_files
from estate_tool.core.environment import is_local
from estate_tool.core.paths import ROOT
from estate_tool.engine.checkpoint import digest_of
from foundation.catalog import CATALOG
from foundation.layers import LAYER_NAMES, layer
from foundation.stack_files import content_of, name_of, small_defaults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Every layer is rolled out under the guardrails.
_GUARDRAILS = "foundation/guardrails/policies.py"
_PROVIDER = "scripts/local_aws/provider"
_PACKAGES_HANDLERS = "compute"
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]*))", re.M)
_NAME = re.compile(rb"[\w.]+")
_NO_INPUT = re.compile(r"^\.|~$|\.pyc$|\.md$|^Pulumi(\.[^/]+)?\.yaml$")
_LOCKED = re.compile(r"^(pulumi[\w-]*|deflate)==(\S+)", re.M)
_SALT = "encryptionsalt"  # drawn when a stack is made; it changes nothing
_UNKNOWABLE = "environment"  # imports configuration that lies elsewhere and may change there


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Digests of the layers' inputs in one environment; `engine` is the engine's version.

    `aws` names the embedded AWS it lives on, empty for a real account.
    """

    environment: str
    engine: str
    aws: str = ""
    root: Path = ROOT

    def digest(self, name: str, upstream: Mapping[str, Any]) -> str:
        """Return the digest of a layer that reads these outputs of lower layers; empty if an input can't be known.

        Files are read anew each time: two digests show whether they changed meanwhile.
        """
        read = (name, *layer(name).reads)
        projects = [content_of(self.root / one / "Pulumi.yaml") for one in read]
        configured = content_of(self.root / name_of(self.environment))
        if any(_UNKNOWABLE in content for content in (*projects, configured)):
            return ""
        return digest_of(
            {
                "code": self._hashes(self._code(name)),
                "configuration": [projects, _of_layers(read, configured)],
                "small": [dict(small_defaults(one, self.environment, self.root)) for one in read],
                "upstream": {lower: upstream.get(lower) for lower in layer(name).reads},
                "versions": self._versions(),
            }
        )

    def _code(self, name: str) -> Iterator[Path]:
        own = list(_files(self.root / name))
        yield from own
        yield from _imported([*(path for path in own if path.suffix == ".py"), self.root / _GUARDRAILS], self.root)
        # Modules of the layers below, which it imports, may read files beside them.
        for below in layer(name).reads:
            yield from (path for path in _files(self.root / below) if path.suffix != ".py")
        if name == _PACKAGES_HANDLERS:
            for function in CATALOG.functions:
                yield from source_files(self.root / "lambda_src", function.package)

    def _versions(self) -> dict[str, Any]:
        # The environment is made from the lock file, and made again when that changes.
        locked = _LOCKED.findall((self.root / "requirements.lock").read_text(encoding="utf-8"))
        # The official provider's version is the SDK's, which is locked; the bundled one is part of the checkout.
        provider = self._hashes(_files(self.root / _PROVIDER)) if is_local(self.environment) else {}
        return {"engine": self.engine, "packages": sorted(locked), "provider": provider}

    def _hashes(self, paths: Iterable[Path]) -> dict[str, str]:
        return {
            path.relative_to(self.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in set(paths)
        }


def _of_layers(names: tuple[str, ...], configured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of an environment's file that a layer depends on: keys of it, lower layers and the provider."""
    others = set(LAYER_NAMES).difference(names)
    keys = configured.get("config")
    own = {key: keys[key] for key in keys if key.partition(":")[0] not in others} if isinstance(keys, dict) else {}
    return {**{key: value for key, value in configured.items() if key not in (_SALT, "config")}, "config": own}


def _files(folder: Path) -> Iterator[Path]:
    """Return the files in a folder that a rollout can depend on; configuration is taken by its content instead."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
        yield from (Path(parent, name) for name in names if not _NO_INPUT.search(name))


def _imported(modules: Iterable[Path], root: Path) -> set[Path]:
    """Return the modules themselves and every module of the checkout that they import, directly or not."""
    found: set[Path] = set()
    looked_up: set[str] = set()
    waiting = list(modules)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            names = _imports(path, root) - looked_up
            looked_up |= names
            waiting += (module for name in names for module in _modules(name, root))
    return found


def _imports(path: Path, root: Path) -> set[str]:
    """Yield the names in a module's import statements: modules, and possible members of them."""
    names: set[str] = set()
    for source, members, plain in _IMPORT.findall(path.read_bytes().replace(b"\\\n", b" ")):
        if source:
            base = _absolute(source.decode(), path, root)
            names |= {base, *(f"{base}.{member.decode()}" for member in _NAME.findall(members))}
        else:
            names |= {name.decode() for name in _NAME.findall(plain)}
    return names


def _absolute(name: str, path: Path, root: Path) -> str:
    """Return a module's full name, from one that may begin with dots."""
    bare = name.lstrip(".")
    dots = len(name) - len(bare)
    if not dots:
        return bare
    package = path.relative_to(root).parts[: -dots or None]
    return ".".join((*package, bare)) if bare else ".".join(package)


def _modules(name: str, root: Path) -> Iterator[Path]:
    """Return the files of the checkout behind a name: the module's, and those of the packages around it."""
    path = str(root)
    for part in name.split("."):
        path += f"/{part}"
        file = next((each for each in (Path(f"{path}.py"), Path(path, "__init__.py")) if each.is_file()), None)
        if file is None:
            return
        yield file
