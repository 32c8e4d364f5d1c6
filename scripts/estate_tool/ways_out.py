"""What to do about complaints of the engine that have nothing to do with the layers."""

from __future__ import annotations

import re

_LOGIN = "sign in to a backend: pulumi login, or pulumi login s3://BUCKET; in a pipeline, set PULUMI_BACKEND_URL"
_WAYS_OUT = (
    (re.compile(r"PULUMI_ACCESS_TOKEN|not logged in|invalid access token|\b401\b"), _LOGIN),
    (
        re.compile(r"passphrase"),
        "set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the stack's passphrase",
    ),
    (re.compile(r"no space left|disk quota", re.I), "free some space and run the same command again"),
    (
        re.compile(r"no such host|dial tcp|i/o timeout", re.I),
        "check the network, and the backend: pulumi whoami --verbose",
    ),
    (re.compile(r"ExpiredToken|NoCredential|credential", re.I), "sign in to AWS: the backend's bucket needs it"),
)


def way_out(complaint: str) -> str:
    """A hint for the error that the engine ended with."""
    found = (hint for pattern, hint in _WAYS_OUT if pattern.search(complaint))
    return next(found, "scripts/estate doctor ENV checks sign-in, backend and configuration")
