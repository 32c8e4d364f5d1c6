"""Where this checkout's embedded AWS lives: its folder of state, its two ports, and the variables that lead to it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from estate_tool import paths
from estate_tool.errors import UsageError

ACCOUNT = "123456789012"
REGION = "us-east-1"
DEFAULT_PORT = 4566
# Credentials of the user's would win over, or mix with, the ones below.
REMOVED = ("AWS_PROFILE", "AWS_SESSION_TOKEN")


@dataclass(frozen=True)
class Place:
    """The local state's folder (ESTATE_HOME) and the first of the two ports (ESTATE_PORT)."""

    home: Path
    port: int

    @property
    def folder(self) -> Path:
        """What the embedded AWS keeps: state, logs, record."""
        return self.home / "aws"

    @property
    def endpoint(self) -> str:
        """The address of everything but application-autoscaling."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def autoscaling_endpoint(self) -> str:
        """The address of application-autoscaling."""
        return f"http://127.0.0.1:{self.port + 1}"

    @classmethod
    def from_environment(cls) -> Place:
        """What ESTATE_HOME and ESTATE_PORT say; `UsageError` for a port that can't be."""
        text = os.environ.get("ESTATE_PORT") or str(DEFAULT_PORT)
        if not text.isdecimal() or not 1024 <= int(text) <= 65534:
            raise UsageError(
                f"ESTATE_PORT is {text!r}, which is no usable port",
                "give a number from 1024 to 65534; it and the next one are used",
            )
        return cls(paths.home(), int(text))


def environment(place: Place, engine_bin: Path | None = None) -> dict[str, str]:
    """The variables that point boto3, the AWS CLI and Pulumi at the embedded AWS; unset `REMOVED` beside them."""
    front = [str(paths.VENV / "bin"), *([str(engine_bin)] if engine_bin else [])]
    rest = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry not in front]
    return {
        "AWS_ENDPOINT_URL": place.endpoint,
        "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": place.autoscaling_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PULUMI_HOME": str(place.home / "pulumi"),
        "PULUMI_BACKEND_URL": f"file://{place.home / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "local",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PATH": os.pathsep.join([*front, *rest]),
        **_past_the_proxy(),
    }


def _past_the_proxy() -> dict[str, str]:
    """With a proxy set, loopback addresses must be excepted from it, or botocore asks the proxy for them."""
    if not any(os.environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")):
        return {}
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [host for host in named.split(",") if host.strip()]
    text = ",".join(hosts if "127.0.0.1" in hosts else [*hosts, "127.0.0.1"])
    return {"NO_PROXY": text, "no_proxy": text}


def shell_lines(variables: dict[str, str]) -> list[str]:
    """Lines for `eval` in a POSIX shell (bash, zsh, dash), whatever the values hold."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return [f"unset {' '.join(REMOVED)}", *exports]
