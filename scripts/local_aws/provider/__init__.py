"""The local provider plugin: serves the estate's `aws:*` resource types on the embedded AWS, and nothing else.

`install` puts it where the engine looks for the official provider; `start` runs it inside a long-lived process.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.core import paths
from local_aws.provider.schema import sdk_version

if TYPE_CHECKING:
    from local_aws.provider.running import RunningProvider

__all__ = ["install", "plugin_folder", "schema_cache", "start"]

_SCRIPTS = Path(__file__).resolve().parents[2]


def start(port: int = 0, schema_cache: Path | None = None) -> RunningProvider:
    """Serve on a loopback port (0: a free one) until `.stop()`; attach with PULUMI_DEBUG_PROVIDERS=aws:PORT.

    `schema_cache` is a JSON file that keeps what is derived from the SDK (the function of this name returns the one of
    this user); without it, the SDK is imported into this process, by `load` or with the first call.
    """
    from local_aws.provider.running import RunningProvider  # only here: to install it takes no gRPC

    return RunningProvider(port, schema_cache)


def schema_cache() -> Path:
    """Return the file that keeps what is derived from the SDK, for all environments of this user."""
    return paths.cache() / "provider" / "schema.json"


def plugin_folder(pulumi_home: Path) -> Path:
    """Return the folder in which the engine looks for the provider of the installed SDK's version."""
    return pulumi_home / "plugins" / f"resource-aws-v{sdk_version()}"


def install(pulumi_home: Path, python: Path) -> Path:
    """Write the launcher into `pulumi_home`; quick, and without effect when it is already there. Returns its folder.

    `python` is the interpreter of the environment that has pulumi, pulumi-aws and boto3.
    """
    folder = plugin_folder(pulumi_home)
    launcher = folder / "pulumi-resource-aws"
    # The interpreter may lie deeper than a #! line can be long.
    text = (
        "#!/bin/sh\n"
        f"export PYTHONPATH={shlex.quote(str(_SCRIPTS))}\n"
        f'exec {shlex.quote(str(python))} -P -m local_aws.provider {shlex.quote(str(schema_cache()))} "$@"\n'
    )
    if not launcher.is_file() or launcher.read_text() != text or not os.access(launcher, os.X_OK):
        for made in (pulumi_home, folder.parent, folder):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = folder / f".launcher.{os.getpid()}"
        partial.write_text(text)
        partial.chmod(0o700)
        partial.replace(launcher)
    return folder
