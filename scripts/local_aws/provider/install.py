"""Puts the plugin where the engine looks for the official AWS provider."""

import os
import shlex
from pathlib import Path

from local_aws.provider.schema import sdk_version

_SCRIPTS = Path(__file__).resolve().parents[2]


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
        f'exec {shlex.quote(str(python))} -P -m local_aws.provider {shlex.quote(str(folder / "schema.json"))} "$@"\n'
    )
    if not launcher.is_file() or launcher.read_text() != text or not os.access(launcher, os.X_OK):
        for made in (pulumi_home, folder.parent, folder):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = folder / f".launcher.{os.getpid()}"
        partial.write_text(text)
        partial.chmod(0o700)
        partial.replace(launcher)
    return folder
