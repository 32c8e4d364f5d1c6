"""Location of this checkout's embedded AWS: its state folder, its port, and the variables that lead to it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from estate_tool.core import paths
from estate_tool.core.embedded import credentials
from estate_tool.core.errors import UsageError

ACCOUNT = "123456789012"
REGION = "us-east-1"
DEFAULT_PORT = 4566
# Credentials and addresses of the user's would win over, or mix with, the ones below.
REMOVED = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING")


@dataclass(frozen=True)
class LocalAwsPaths:
    """The local state's folder (ESTATE_HOME) and the port (ESTATE_PORT)."""

    home: Path
    port: int

    @property
    def folder(self) -> Path:
        """Folder of its state, logs and record."""
        return self.home / "aws"

    @property
    def endpoint(self) -> str:
        """The address of all services."""
        return f"http://127.0.0.1:{self.port}"

    def keeps(self, environment: str) -> bool:
        """Return True if this machine keeps a stack of that environment, as its files alone tell."""
        stacks = self.home / "state" / ".pulumi" / "stacks"
        return any(path for ending in ("json", "json.gz") for path in stacks.glob(f"*/{environment}.{ending}"))

    @classmethod
    def from_environment(cls) -> LocalAwsPaths:
        """Read ESTATE_HOME and ESTATE_PORT; `UsageError` for an impossible port."""
        text = os.environ.get("ESTATE_PORT") or str(DEFAULT_PORT)
        if not text.isdecimal() or not 1024 <= int(text) <= 65535:
            raise UsageError(
                f"ESTATE_PORT is {text!r}, which is no usable port",
                "give a number from 1024 to 65535",
            )
        return cls(paths.home(), int(text))


def environment(local: LocalAwsPaths, engine_bin: Path | None = None) -> dict[str, str]:
    """Return the variables that point boto3, the AWS CLI and Pulumi at the embedded AWS; unset `REMOVED` beside them.

    Among them are the administrator's credentials, which are made with the home's folder when there are none yet.
    """
    administrator = credentials.read_or_create(local.home)
    front = [str(paths.VENV / "bin"), *([str(engine_bin)] if engine_bin else [])]
    rest = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry not in front]
    return {
        "AWS_ENDPOINT_URL": local.endpoint,
        "AWS_ACCESS_KEY_ID": administrator.access_key_id,
        "AWS_SECRET_ACCESS_KEY": administrator.secret_access_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A variable or profile of the user's with `true` would have these endpoints ignored, and AWS called.
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "PULUMI_HOME": str(local.home / "pulumi"),
        "PULUMI_BACKEND_URL": f"file://{local.home / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "local",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The engine logs each of its commands, a megabyte for a rollout, and keeps 500 MB by default.
        "PULUMI_LOG_ROTATION_MAX_TOTAL_MB": "20",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PATH": os.pathsep.join([*front, *rest]),
        **_past_the_proxy(),
    }


def _past_the_proxy() -> dict[str, str]:
    """Except loopback addresses from a proxy, or botocore asks the proxy for them."""
    if not any(os.environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")):
        return {}
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [host for host in named.split(",") if host.strip()]
    text = ",".join(hosts if "127.0.0.1" in hosts else [*hosts, "127.0.0.1"])
    return {"NO_PROXY": text, "no_proxy": text}


def shell_lines(variables: dict[str, str]) -> list[str]:
    """Return lines for `eval` in a POSIX shell (bash, zsh, dash), whatever the values hold."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return [f"unset {' '.join(REMOVED)}", *exports]
