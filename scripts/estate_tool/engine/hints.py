"""Hints for errors of the engine that have nothing to do with the layers."""

from __future__ import annotations

import re

_LOGIN = (
    "sign in to a backend: scripts/estate pulumi login s3://BUCKET, or without an address to Pulumi Cloud; "
    "in a pipeline, set PULUMI_BACKEND_URL"
)
_HINTS = (
    (re.compile(r"PULUMI_ACCESS_TOKEN|not logged in|invalid access token|\b401\b"), _LOGIN),
    (
        re.compile(r"passphrase", re.I),
        "set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the stack's passphrase",
    ),
    (re.compile(r"no space left|disk quota", re.I), "free some space and run the same command again"),
    (
        re.compile(r"unable to open state directory"),
        "make the folder, or sign in to another one: scripts/estate pulumi login file://FOLDER",
    ),
    (re.compile(r"NoSuchBucket|bucket does not exist"), "make the bucket, or correct its name: aws s3 mb s3://BUCKET"),
    (
        re.compile(r"Invalid region|MissingRegion|PermanentRedirect"),
        "name the bucket's region: s3://BUCKET?region=us-east-1, or AWS_REGION",
    ),
    (
        re.compile(r"no such host|dial tcp|i/o timeout", re.I),
        "check the network, and the backend: scripts/estate pulumi whoami --verbose",
    ),
    (re.compile(r"AccessDenied|StatusCode: 403"), "use credentials that may read and write the backend's bucket"),
    (re.compile(r"ExpiredToken|NoCredential|credential", re.I), "sign in to AWS: the backend's bucket needs it"),
)


def hint(diagnostic: str) -> str:
    """A hint for the error that the engine ended with."""
    return known(diagnostic) or "scripts/estate doctor ENV checks sign-in, backend and configuration"


def known(diagnostic: str) -> str:
    """The hint for an error of the backend or its secrets; empty for any other."""
    return next((hint for pattern, hint in _HINTS if pattern.search(diagnostic)), "")
