from __future__ import annotations

import configparser
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from estate_tool.core import paths
from estate_tool.core.embedded import credentials
from estate_tool.core.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path


def test_each_home_has_credentials_of_its_own_that_stay(tmp_path: Path) -> None:
    first, second = (credentials.read_or_create(tmp_path / name) for name in ("a", "b"))

    assert len({first.access_key_id, first.secret_access_key, second.access_key_id, second.secret_access_key}) == 4
    assert credentials.read_or_create(tmp_path / "a") == first == credentials.read(tmp_path / "a")
    assert credentials.read(tmp_path / "none") is None


def test_only_the_owner_reads_them_in_the_format_of_aws(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    made = credentials.read_or_create(home)

    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / credentials.FILE).stat().st_mode & 0o777 == 0o600
    profile = configparser.ConfigParser()
    profile.read(home / credentials.FILE)
    assert profile["default"]["aws_access_key_id"] == made.access_key_id
    assert profile["default"]["aws_secret_access_key"] == made.secret_access_key
    assert [path.name for path in home.iterdir()] == [credentials.FILE]


def test_concurrent_creations_return_the_same_credentials(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(credentials.read_or_create, [tmp_path / "home"] * 16))

    assert len(set(found)) == 1


def test_credentials_that_others_may_write_are_refused_with_the_way_out(tmp_path: Path) -> None:
    credentials.read_or_create(tmp_path)
    (tmp_path / credentials.FILE).chmod(0o622)

    with pytest.raises(Failed) as caught:
        credentials.read(tmp_path)

    assert "0622" in caught.value.message
    assert str(tmp_path / credentials.FILE) in caught.value.hint


def test_a_home_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)

    with pytest.raises(Failed) as caught:
        paths.make_private_folder(tmp_path)

    assert "another user" in caught.value.message
    assert "ESTATE_HOME" in caught.value.hint
