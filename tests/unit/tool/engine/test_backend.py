"""Backends of real environments, their secrets, and stacks of former names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.errors import Failed, UsageError
from estate_tool.engine import backend
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

BUCKET = "s3://state?region=us-east-1"


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout whose projects name no backend."""
    (tmp_path / "environments").mkdir()
    for layer in LAYER_NAMES:
        (tmp_path / layer).mkdir()
        (tmp_path / layer / "Pulumi.yaml").write_text(f"name: {layer}\nruntime: python\n")
    monkeypatch.setattr(backend, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def engine(tmp_path: Path) -> Callable[..., Any]:
    """An engine whose `whoami` ends like this, where it is asked without an answer on its input."""

    def engine(said: str = "", diagnostic: str = "", code: int = 0) -> Any:
        program = tmp_path / "pulumi"
        program.write_text(f"#!/bin/sh\nread -r x\ncat <<'E'\n{said}\nE\nprintf '%s' '{diagnostic}' >&2\nexit {code}\n")
        program.chmod(0o755)
        return SimpleNamespace(pulumi=program)

    return engine


def at(url: str) -> backend.Backend:
    return backend.Backend(url=url, user="somebody", named_by="pulumi login")


def name_backend(checkout: Path, urls: dict[str, str]) -> None:
    for layer, url in urls.items():
        with (checkout / layer / "Pulumi.yaml").open("a") as file:
            file.write(f"backend:\n  url: {url}\n")


@pytest.mark.parametrize(
    ("variables", "in_projects", "named_by"),
    [
        ({"PULUMI_BACKEND_URL": BUCKET}, True, "PULUMI_BACKEND_URL"),
        ({}, True, "backend: in Pulumi.yaml"),
        ({}, False, "pulumi login"),
    ],
)
def test_a_backend_that_answers_is_reported_with_what_names_it(
    checkout: Path, engine: Any, variables: dict[str, str], in_projects: bool, named_by: str
) -> None:
    name_backend(checkout, dict.fromkeys(LAYER_NAMES, BUCKET) if in_projects else {})
    said = json.dumps({"user": "somebody", "url": BUCKET})
    found = backend.find(engine(said), {"PATH": os.defpath, **variables})
    assert found == backend.Backend(url=BUCKET, user="somebody", named_by=named_by)


def test_layers_that_keep_their_state_apart_are_refused(checkout: Path, engine: Any) -> None:
    name_backend(checkout, {"data": BUCKET})
    with pytest.raises(Failed) as refused:
        backend.find(engine('{"user": "a", "url": "b"}'), {"PATH": os.defpath})
    assert f"data: {BUCKET}" in refused.value.message
    assert "foundation: none" in refused.value.message


@pytest.mark.parametrize(
    ("diagnostic", "hint"),
    [
        ("error: PULUMI_ACCESS_TOKEN must be set for login", "scripts/estate pulumi login s3://BUCKET"),
        ('error: unable to open state directory "file:///x": no such file', "make the folder"),
        ("error: operation error S3: GetObject, api error NoSuchBucket: it is not there", "aws s3 mb"),
        ("error: operation error S3: Invalid region: region was not a valid DNS name", "region"),
        ("error: operation error S3: GetObject, https response error StatusCode: 403, AccessDenied", "may read"),
        ("error: get identity: dial tcp 127.0.0.1:1: connection refused", "check the network"),
        ("", "scripts/estate doctor"),
    ],
)
def test_a_backend_that_does_not_answer_is_reported_with_a_hint(
    checkout: Path, engine: Any, diagnostic: str, hint: str
) -> None:
    with pytest.raises(Failed) as failed:
        backend.find(engine(diagnostic=diagnostic, code=255), {"PATH": os.defpath})
    assert diagnostic.removeprefix("error: ") in failed.value.message
    assert hint in failed.value.hint


@pytest.mark.parametrize(
    ("url", "content", "variables", "expected"),
    [
        *((url, "", {}, None) for url in ("s3://state", "file:///state", "azblob://state", "gs://state")),
        ("s3://state", "", {"PULUMI_CONFIG_PASSPHRASE": ""}, "PULUMI_CONFIG_PASSPHRASE"),
        ("https://api.pulumi.com", "", {}, "not needed"),
        ("s3://state", "secretsprovider: awskms://alias/estate\nencryptedkey: x\n", {}, "not needed"),
        # Once encrypted by a passphrase, a stack needs it everywhere.
        ("https://api.pulumi.com", "encryptionsalt: v1:x\n", {}, None),
    ],
)
def test_secrets_of_files_and_buckets_need_a_passphrase(
    checkout: Path, url: str, content: str, variables: dict[str, str], expected: str | None
) -> None:
    (checkout / "environments" / "Pulumi.dev.yaml").write_text(content)
    if expected is not None:
        assert backend.passphrase(at(url), "dev", variables).startswith(expected)
        return
    with pytest.raises(Failed) as missing:
        backend.passphrase(at(url), "dev", variables)
    assert "the secrets of dev " in missing.value.message
    assert "PULUMI_CONFIG_PASSPHRASE" in missing.value.hint


def test_a_file_with_the_passphrase_has_to_be_there(checkout: Path) -> None:
    file = checkout / "passphrase"
    variables = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    with pytest.raises(Failed, match="can't be read"):
        backend.passphrase(at("s3://state"), "dev", variables)
    file.write_text("secret")
    assert str(file) in backend.passphrase(at("s3://state"), "dev", variables)


def named(**former: str) -> Any:
    return SimpleNamespace(stack="dev", former=lambda: former)


def test_stacks_of_the_former_names_are_refused_with_the_commands_that_rename_them() -> None:
    pulumi = named(data="my-org/data/dev", compute="my-org/compute/dev")
    with pytest.raises(UsageError) as refused:
        backend.refuse_former_names(pulumi, {"foundation", "compute"})
    commands = [line for line in refused.value.hint.splitlines() if "stack rename" in line]
    assert commands == ["scripts/estate pulumi stack rename my-org/estate-data/dev --stack my-org/data/dev --cwd data"]


@pytest.mark.parametrize("present", [(), LAYER_NAMES])
def test_what_was_never_rolled_out_or_is_renamed_is_not(present: tuple[str, ...]) -> None:
    former = {"data": "organization/data/dev"} if present else {}
    backend.refuse_former_names(named(**former), present)
    with pytest.raises(UsageError):
        backend.refuse_former_names(named(data="organization/data/dev"), ())
