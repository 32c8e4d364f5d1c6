"""A bucket for Pulumi's state in moto's S3, apart from the account's embedded AWS."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError

from estate_tool.core.embedded import ports
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "state"


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Serve S3 with one bucket; yields its URL as a backend of Pulumi."""
    port = ports.free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", ports.HOST, "-p", str(port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        expect_soon(lambda: server.poll() is not None or _has_bucket(port), "S3 answers")
        assert server.poll() is None, f"moto's server ended with {server.returncode}"
        yield f"s3://{NAME}?region=us-east-1&endpoint=http://{ports.HOST}:{port}&s3ForcePathStyle=true"
    finally:
        server.kill()
        server.wait()


def _has_bucket(port: int) -> bool:
    """Create the bucket; False while the server does not answer."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=f"http://{ports.HOST}:{port}")
    try:
        s3.create_bucket(Bucket=NAME)
    except BotoCoreError:
        return False
    return True
