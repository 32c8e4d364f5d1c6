from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2

from local_aws.provider.wire import (
    ARCHIVE_SIGNATURE,
    ASSET_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWN,
    UNKNOWN_SENTINEL,
    Archive,
    Asset,
    decode,
    encode,
    has_unknown,
    secret_keys,
)


def message(**values: Any) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


def secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value}


def asset(**raw: Any) -> dict[str, Any]:
    return {SIGNATURE_KEY: ASSET_SIGNATURE, **raw}


def archive(**raw: Any) -> Archive:
    value = decode(message(code={SIGNATURE_KEY: ARCHIVE_SIGNATURE, **raw}))["code"]
    assert isinstance(value, Archive)
    return value


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_plain_values_come_through() -> None:
    values = {"a": "x", "b": 3, "c": 2.5, "d": True, "e": [1, "y"], "f": {"g": {}}}

    assert decode(encode(values)) == values
    assert isinstance(decode(encode(values))["b"], int)


def test_nulls_count_as_not_given() -> None:
    assert decode(message(a=None, b={"c": None})) == {"b": {}}


def test_values_not_known_yet_are_recognised_anywhere() -> None:
    values = decode(message(a=UNKNOWN_SENTINEL, b=[{"c": UNKNOWN_SENTINEL}], d="x"))

    assert values["a"] is UNKNOWN
    assert [name for name in values if has_unknown(values[name])] == ["a", "b"]
    assert encode(values)["a"] == UNKNOWN_SENTINEL


def test_secrets_are_unwrapped_and_found_again() -> None:
    struct = message(open="x", hidden=secret("y"), deep={"list": [secret("z")]})

    assert decode(struct) == {"open": "x", "hidden": "y", "deep": {"list": ["z"]}}
    assert secret_keys(struct) == {"hidden", "deep"}


def test_a_secret_property_is_encoded_as_a_secret() -> None:
    assert secret_keys(encode({"a": {"b": "c"}, "d": "e"}, {"a"})) == {"a"}


def test_archives_are_equal_when_their_hashes_are() -> None:
    assert archive(hash="1", path="here") == archive(hash="1", path="there")
    assert archive(hash="1", path="here") != archive(hash="2", path="here")
    assert Asset({"hash": "1"}) != archive(hash="1")


def test_a_mapping_of_assets_becomes_a_zip(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("b")
    code = archive(hash="1", assets={
        "a.py": asset(hash="2", text="a"), "b.py": asset(hash="3", path=str(tmp_path / "b.py")),
        "lib": {SIGNATURE_KEY: ARCHIVE_SIGNATURE, "hash": "4", "assets": {"c.py": asset(hash="5", text="c")}},
    })  # fmt: skip

    assert unpacked(code.content()) == {"a.py": b"a", "b.py": b"b", "lib/c.py": b"c"}
    assert decode(encode({"code": code}))["code"].content() == code.content()


def test_a_folder_becomes_the_same_zip_every_time(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "main.py").write_text("x")
    (tmp_path / "run.sh").write_text("y")
    (tmp_path / "run.sh").chmod(0o755)
    code = archive(hash="1", path=str(tmp_path))
    first = code.content()
    (tmp_path / "run.sh").touch()

    assert code.content() == first
    assert unpacked(first) == {"pkg/main.py": b"x", "run.sh": b"y"}
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        assert file.getinfo("run.sh").external_attr >> 16 == 0o755


def test_a_zip_is_taken_as_it_is_and_a_tar_is_packed_again(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as file:
        file.writestr("main.py", "x")
    (tmp_path / "main.py").write_text("x")
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "main.py", "./main.py")

    assert archive(hash="1", path=str(tmp_path / "code.zip")).content() == (tmp_path / "code.zip").read_bytes()
    assert unpacked(archive(hash="1", path=str(tmp_path / "code.tar.gz")).content()) == {"main.py": b"x"}
    nested = archive(hash="1", assets={
        "lib": {SIGNATURE_KEY: ARCHIVE_SIGNATURE, "hash": "2", "path": str(tmp_path / "code.zip")},
    })  # fmt: skip
    assert unpacked(nested.content()) == {"lib/main.py": b"x"}


def test_an_archive_that_is_not_there_is_reported_with_its_path() -> None:
    with pytest.raises(
        ValueError, match=r"the archive nowhere/code does not exist \(seen from /.+\): give an absolute path"
    ):
        archive(hash="1", path="nowhere/code").content()
    with pytest.raises(ValueError, match="a URI is not supported"):
        archive(hash="1", uri="https://example.org/code.zip").content()
