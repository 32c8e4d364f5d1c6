"""The IAM policies beside the layers' own: of a role that may only read, and of the backend's bucket and key."""

from __future__ import annotations

import re
from typing import Any

from estate_tool.core.errors import UsageError

# Verbs of actions that change nothing. Scan is allowed for counting alone.
_READS = ("Describe", "Get", "List", "Scan")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY = re.compile(r"arn:(aws[\w-]*):kms:[\w-]+:\d{12}:(key|alias)/[\w/-]+")


def read_only(document: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a deployer's policy that previews and comparisons need."""
    return {**document, "Statement": [each for each in map(_reading, document["Statement"]) if each["Action"]]}


def _reading(statement: dict[str, Any]) -> dict[str, Any]:
    """Return the statement with those of its actions that change nothing; one that denies stays whole."""
    if statement["Effect"] == "Deny":
        return statement
    return {**statement, "Action": [each for each in statement["Action"] if each.partition(":")[2].startswith(_READS)]}


def backend(bucket: str, key: str | None, partition: str, *, writes: bool) -> dict[str, Any]:
    """Return the policy that the engine needs for an S3 backend, and for the key that encrypts it or its secrets.

    Raises UsageError for a name that no bucket, or an ARN that no key, can have.
    """
    bucket = bucket.removeprefix("s3://").partition("?")[0]
    name, _, folder = bucket.partition("/")
    if not _BUCKET.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a bucket", "for example: --backend s3://estate-state")
    if key is not None and not _KEY.fullmatch(key):
        raise UsageError(f"{key!r} is no ARN of a key", "for example: arn:aws:kms:us-east-1:111122223333:key/ID")
    arn = f"arn:{partition}:s3:::{name}"
    prefix = f"{folder.strip('/')}/.pulumi" if folder.strip("/") else ".pulumi"
    objects = ["s3:GetObject", *(("s3:PutObject", "s3:DeleteObject") if writes else ())]
    statements = [
        _allow("ListState", ["s3:ListBucket"], arn) | {"Condition": {"StringLike": {"s3:prefix": [f"{prefix}*"]}}},
        _allow("State", objects, f"{arn}/{prefix}/*"),
    ]
    if key:
        uses = ["kms:Decrypt", *(("kms:Encrypt", "kms:GenerateDataKey") if writes else ())]
        statements.append(_allow("Key", uses, key))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: list[str], resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resource}
