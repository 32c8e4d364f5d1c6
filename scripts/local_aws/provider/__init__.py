"""The local provider plugin: serves the estate's `aws:*` resource types on the embedded AWS, and nothing else.

`install` puts it where the engine looks for the official provider; `start` runs it inside a long-lived process.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from local_aws.provider.install import install, plugin_folder

if TYPE_CHECKING:
    from local_aws.provider.running import RunningProvider

__all__ = ["install", "plugin_folder", "start"]


def start(port: int = 0, schema_cache: Path | None = None) -> RunningProvider:
    """Serve on a loopback port (0: a free one) until `.stop()`; attach with PULUMI_DEBUG_PROVIDERS=aws:PORT.

    `schema_cache` is a JSON file that keeps what is derived from the SDK (`plugin_folder(…) / "schema.json"` is shared
    with the plugin); without it, the SDK is imported into this process. It is loaded while the engine starts.
    """
    from local_aws.provider.running import RunningProvider  # only here: to install it takes no gRPC

    return RunningProvider(port, schema_cache)
