"""Backend that keeps the state of real environments: its address, a check that it answers, stacks of former names."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed, UsageError
from estate_tool.core.paths import ROOT
from estate_tool.engine.diagnostics import hint
from foundation.layers import LAYER_NAMES, project
from foundation.stack_files import content_of, name_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from estate_tool.engine.cli import Pulumi
    from estate_tool.setup.engine import Engine

VARIABLE = "PULUMI_BACKEND_URL"
_PASSPHRASE, _PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A backend that answered: its URL, the user it knows, and the source of the address: variable, project, login."""

    url: str
    user: str
    named_by: str

    @property
    def is_service(self) -> bool:
        """True if it is Pulumi Cloud or the like, which keeps secrets itself."""
        return self.url.startswith(("https://", "http://"))


def find(engine: Engine, variables: Mapping[str, str] = os.environ) -> Backend:
    """Ask the engine for the backend of the layers; raises Failed when there is none, or none that answers."""
    named_by = _named_by(variables)
    command = [str(engine.pulumi), "whoami", "--verbose", "--json", "--non-interactive", "--color=never"]
    try:
        asked = subprocess.run(
            command, cwd=ROOT / LAYER_NAMES[0], env={**variables, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Failed(
            f"the backend does not answer within {_TIMEOUT_SECONDS} s", "check the network, HTTPS_PROXY and its URL"
        ) from error
    if asked.returncode != 0:
        printed = " ".join(asked.stderr.split()).removeprefix("error: ")
        reason = printed or f"pulumi whoami ended with {asked.returncode}"
        raise Failed(reason, hint(reason))
    answer = json.loads(asked.stdout)
    return Backend(url=str(answer["url"]), user=str(answer["user"]), named_by=named_by)


def _named_by(variables: Mapping[str, str]) -> str:
    """Return the source of the backend's address, in the engine's order; Failed when the layers' projects disagree."""
    if variables.get(VARIABLE):
        return VARIABLE
    named = {layer: content_of(ROOT / layer / "Pulumi.yaml").get("backend") for layer in LAYER_NAMES}
    urls = {layer: backend.get("url") if isinstance(backend, dict) else None for layer, backend in named.items()}
    if len(set(urls.values())) > 1:
        listed = ", ".join(f"{layer}: {url or 'none'}" for layer, url in urls.items())
        raise Failed(
            f"the layers' projects name different backends ({listed}), and have to read each other's outputs",
            f"give backend: url: in every <layer>/Pulumi.yaml the same value, or set {VARIABLE}",
        )
    return "backend: in Pulumi.yaml" if urls[LAYER_NAMES[0]] else "pulumi login"


def passphrase(backend: Backend, environment: str, variables: Mapping[str, str] = os.environ) -> str:
    """Return the source of the passphrase of an environment's secrets; Failed when one is needed and there is none."""
    if not _needs_passphrase(backend, environment):
        return "not needed: the backend, or a key of yours, keeps secrets"
    if _PASSPHRASE in variables:
        return _PASSPHRASE
    if file := variables.get(_PASSPHRASE_FILE):
        if not Path(file).is_file() or not os.access(file, os.R_OK):
            raise Failed(
                f"{_PASSPHRASE_FILE} is {file}, which can't be read", "name the file with the passphrase in it"
            )
        return f"{_PASSPHRASE_FILE}, {file}"
    raise Failed(
        f"the secrets of {environment} are encrypted by a passphrase, and none is given",
        f"choose one, keep it safe, and set {_PASSPHRASE}, or {_PASSPHRASE_FILE} to a file that holds it;\n"
        "an empty one will do where nothing in the configuration is secret",
    )


def _needs_passphrase(backend: Backend, environment: str) -> bool:
    content = content_of(ROOT / name_of(environment))
    provider = str(content.get("secretsprovider") or "")
    if provider and provider != "passphrase":
        return False
    return bool(content.get("encryptionsalt")) or not backend.is_service


def refuse_former_names(pulumi: Pulumi, present: Container[str]) -> None:
    """Raise UsageError, with the commands that rename them, where a layer without a stack has one of the former name.

    `present` are the layers that have a stack.
    """
    if all(layer in present for layer in LAYER_NAMES):
        return
    former = {layer: name for layer, name in pulumi.former().items() if layer not in present}
    if former:
        commands = [
            f"scripts/estate pulumi stack rename {_renamed(layer, name)} --stack {name} --cwd {layer}"
            for layer, name in former.items()
        ]
        raise UsageError(
            f"environment {pulumi.stack} is deployed under the former names of the projects: "
            f"{', '.join(former.values())}; nothing was touched",
            "\n".join(["rename its stacks, which changes nothing in AWS, then run the same command again:", *commands]),
        )


def _renamed(layer: str, name: str) -> str:
    organisation, _, stack = name.split("/")
    return f"{organisation}/{project(layer)}/{stack}"
