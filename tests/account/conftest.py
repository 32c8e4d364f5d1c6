"""Accounts for the tests: each module, or each test that asks for one, has an account and a backend of its own."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import pytest

from tests.account import bucket
from tests.account.account import Account
from tests.integration.conftest import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A shell makes what it starts in the background deaf to Ctrl-C, and so would be all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def on_files(folder: Path) -> Iterator[Account]:
    """An empty account whose state is kept in files."""
    (folder / "state").mkdir()
    with running(folder / "aws") as aws:
        yield Account(aws=aws, folder=folder / "machine", backend=f"file://{folder / 'state'}").prepare()


@contextlib.contextmanager
def on_bucket(folder: Path) -> Iterator[Account]:
    """An empty account whose state is kept in S3."""
    with running(folder / "aws") as aws, bucket.served() as backend:
        yield Account(aws=aws, folder=folder / "machine", backend=backend).prepare()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account for a module, its state in files."""
    with on_files(tmp_path_factory.mktemp("account")) as made:
        yield made


@pytest.fixture(scope="module")
def bucket_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account for a module, its state in S3."""
    with on_bucket(tmp_path_factory.mktemp("account")) as made:
        yield made


@pytest.fixture
def new_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account as AWS hands them out now, with a quota of ten concurrent executions; its state in files."""
    monkeypatch.setenv("LAMBDA_ACCOUNT_CONCURRENCY", "10")
    with on_files(tmp_path) as made:
        yield made
