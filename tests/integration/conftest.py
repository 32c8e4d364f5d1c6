"""The embedded AWS for the integration tests: one per worker, on ports and in a folder of its own."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from estate_tool.core import embedded
from estate_tool.core.embedded import credentials, ports
from estate_tool.core.embedded.credentials import Credentials
from estate_tool.core.errors import Failed
from estate_tool.setup.environments import ensure_local_aws
from local_aws import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ATTEMPTS = 5


@dataclass(frozen=True)
class EmbeddedAws:
    """A running embedded AWS. `environment` is what a child process needs to reach it."""

    paths: embedded.LocalAwsPaths
    python: Path

    @property
    def endpoint(self) -> str:
        return self.paths.endpoint

    @property
    def environment(self) -> dict[str, str]:
        mine = {"ESTATE_HOME": str(self.paths.home), "ESTATE_PORT": str(self.paths.port)}
        return embedded.environment(self.paths) | mine

    @property
    def administrator(self) -> Credentials:
        return credentials.read_or_create(self.paths.home)

    def client(self, service: str, *keys: str) -> Any:
        """A boto3 client of the service; as the administrator unless key, secret (and token) are given."""
        return _client(self.paths, service, *(keys or astuple(self.administrator)))

    def new_client(self, service: str, *keys: str) -> Any:
        """A client of its own, for tests that change it."""
        return _client.__wrapped__(self.paths, service, *(keys or astuple(self.administrator)))

    def denials_recorded(self) -> int:
        """Length of the record of refused calls; a mark for `denials`."""
        return (self.paths.folder / "denied.log").stat().st_size

    def denials(self, since: int) -> list[dict[str, Any]]:
        """The calls that were refused after the mark."""
        with (self.paths.folder / "denied.log").open() as record:
            record.seek(since)
            return [json.loads(line) for line in record if line.endswith("\n")]

    def up(self) -> None:
        server.up(self.paths, _say, lambda: self.python)

    def down(self) -> bool:
        return server.down(self.paths, _say)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


@functools.cache
def _client(paths: embedded.LocalAwsPaths, service: str, key: str, secret: str, token: str | None = None) -> Any:
    return boto3.Session().client(
        service, endpoint_url=paths.endpoint,
        region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
    )  # fmt: skip


def start(home: Path) -> EmbeddedAws:
    """Start one on free ports; another process may take a free port before us, hence the attempts."""
    python = ensure_local_aws()
    for attempt in range(ATTEMPTS):
        aws = EmbeddedAws(embedded.LocalAwsPaths(home, ports.free_port()), python)
        try:
            aws.up()
            return aws
        except Failed as error:
            taken = "is taken by" in error.message or "belongs to" in error.message
            if not taken or attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


@contextlib.contextmanager
def running(home: Path) -> Iterator[EmbeddedAws]:
    """One that is stopped at the end of the block."""
    aws = start(home)
    try:
        yield aws
    finally:
        aws.down()


@pytest.fixture(scope="session")
def embedded_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """One for all tests of this worker: each test names its resources so that they don't meet."""
    with running(tmp_path_factory.mktemp("estate-home")) as aws:
        yield aws


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """One for a single module, which rolls environments out and tears them down."""
    with running(tmp_path_factory.mktemp("estate")) as aws:
        yield aws


@pytest.fixture
def own_aws(tmp_path: Path) -> Iterator[EmbeddedAws]:
    """One for a single test, which may stop or kill it."""
    with running(tmp_path / "home") as aws:
        yield aws
