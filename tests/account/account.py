"""A real account, to the tool, played by an embedded AWS: the environment `dev`, which is not `local`.

Endpoints stand in an AWS configuration file, the provider is a plugin where the engine looks for the official one, and
commands run with a plain PATH, from a copy of the checkout, with nothing of this machine's user in their environment.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from estate_tool.core import paths
from local_aws.provider import install, plugin_folder
from tests.integration.cloud import ACCOUNT
from tests.integration.commands import Commands
from tests.integration.inventory import listed
from tests.support.checkouts import copy_checkout

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws

ENVIRONMENT = "dev"
_PROFILE = """\
[default]
region = us-east-1
aws_access_key_id = {key}
aws_secret_access_key = {secret}
endpoint_url = {endpoint}
services = embedded

[services embedded]
application_auto_scaling =
  endpoint_url = {autoscaling}
"""
# The official provider takes its endpoints from the profile; the local one insists on variables.
_PLUGIN = """\
#!/bin/sh
export AWS_ENDPOINT_URL={endpoint}
exec {launcher} "$@"
"""


class Checkout(Commands):
    """A copy of the checkout on a user's machine; it may be edited."""

    def configure(self, **values: Any) -> None:
        """Set keys in the environment's file: `aws__region` stands for aws:region."""
        keys = {key.replace("__", ":"): value for key, value in values.items()}
        file = self.root / f"environments/Pulumi.{ENVIRONMENT}.yaml"
        content = yaml.safe_load(file.read_text()) if file.exists() else {}
        file.write_text(yaml.safe_dump({**content, "config": {**content.get("config", {}), **keys}}))

    def replace(self, file: str, old: str, new: str) -> None:
        """Edit a file: `old` must be in it."""
        path = self.root / file
        text = path.read_text()
        assert old in text, f"{file} does not have {old!r}"
        path.write_text(text.replace(old, new))


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account, and the backend that keeps its state; `folder` holds a user's files of both."""

    aws: EmbeddedAws
    folder: Path
    backend: str

    @property
    def variables(self) -> dict[str, str]:
        """The whole environment of a command: `env -i`, with a plain PATH."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.folder / "user"),
            "ESTATE_CACHE": str(paths.cache()),
            "ESTATE_HOME": str(self.folder / "estate"),
            "ESTATE_ALLOW_ENDPOINTS": "1",
            "AWS_CONFIG_FILE": str(self.folder / "aws-config"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PULUMI_HOME": str(self.folder / "pulumi"),
            "PULUMI_BACKEND_URL": self.backend,
            "PULUMI_CONFIG_PASSPHRASE": "of the tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    @property
    def autoscaling_endpoint(self) -> str:
        """Endpoint of one service: the other endpoint by another host name."""
        return f"http://localhost:{self.aws.paths.port}"

    def prepare(self) -> Account:
        """Write the profile and the plugin."""
        administrator = self.aws.administrator
        endpoints = {"endpoint": self.aws.endpoint, "autoscaling": self.autoscaling_endpoint}
        keys = {"key": administrator.access_key_id, "secret": administrator.secret_access_key}
        for name in ("user", "estate"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "aws-config").write_text(_PROFILE.format(**endpoints, **keys))
        launcher = install(self.folder / "launcher", paths.VENV / "bin" / "python") / "pulumi-resource-aws"
        plugin = plugin_folder(self.folder / "pulumi") / "pulumi-resource-aws"
        plugin.parent.mkdir(parents=True)
        plugin.write_text(_PLUGIN.format(launcher=shlex.quote(str(launcher)), **endpoints))
        plugin.chmod(0o755)
        return self

    def checkout(self, *, without: tuple[str, ...] = (), **more: str) -> Checkout:
        """Copy the checkout, with the environment `dev` configured for this account.

        Its commands run `without` some of the `variables`, and with more.
        """
        root = copy_checkout(Path(tempfile.mkdtemp(prefix="checkout-", dir=self.folder)))
        made = Checkout({key: value for key, value in self.variables.items() if key not in without} | more, root)
        made.configure(aws__allowedAccountIds=[ACCOUNT])
        return made

    def listed(self) -> Counter[tuple[str, str]]:
        """Count the environment's resources by kind and name, as the APIs of AWS list them."""
        found = listed(self.aws.client, ENVIRONMENT)
        # The name of a table's stream ends with the time it was made at.
        return Counter((kind, name.partition("/stream/")[0]) for kind, names in found.items() for name in names)
