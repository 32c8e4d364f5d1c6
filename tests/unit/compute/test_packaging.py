import os
import shutil
import stat
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from compute.packaging import build, check_handlers, package_bytes
from foundation.catalog import CATALOG
from foundation.problems import InvalidConfiguration
from tests.support.declarations import READ

FILES = {
    "read/__init__.py": "",
    "read/handler.py": "def handle(event, context): ...\n",
    "read/deep/er/module.py": "X = 'ä'\n",
    "shared/__init__.py": "",
    "shared/events.py": "Y = 1\n",
    "store/handler.py": "another function\n",
}


def _tree(root: Path, names: list[str]) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILES[name], encoding="utf-8")
    return root


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return _tree(tmp_path / "one", list(FILES))


def _names(package: bytes) -> list[str]:
    return zipfile.ZipFile(BytesIO(package)).namelist()


def test_a_package_holds_the_functions_own_code_and_what_is_shared(source: Path) -> None:
    assert set(_names(package_bytes("read", source))) == {name for name in FILES if not name.startswith("store/")}


def test_the_same_source_gives_the_same_bytes_whatever_order_times_permissions_and_leftovers(
    source: Path, tmp_path: Path
) -> None:
    before = os.umask(0o077)
    try:
        other = _tree(tmp_path / "two", list(reversed(FILES)))
    finally:
        os.umask(before)
    for number, path in enumerate(sorted(other.rglob("*.py"))):
        os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))
    (other / "read" / "handler.py").chmod(0o755)
    cache = other / "read" / "__pycache__"
    cache.mkdir()
    (cache / "handler.cpython-311.pyc").write_bytes(b"compiled")
    (other / "read" / "notes.txt").write_text("not code", encoding="utf-8")
    assert package_bytes("read", other) == package_bytes("read", source)


def test_entries_are_sorted_readable_and_of_no_particular_time(source: Path) -> None:
    entries = zipfile.ZipFile(BytesIO(package_bytes("read", source))).infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    for entry in entries:
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert stat.S_IMODE(entry.external_attr >> 16) == 0o644
        # Compressed bytes depend on the version of zlib.
        assert entry.compress_type == zipfile.ZIP_STORED


@pytest.mark.parametrize("name", ["read/handler.py", "shared/events.py"])
def test_changed_code_changes_the_package(source: Path, name: str) -> None:
    before = package_bytes("read", source)
    (source / name).write_text("changed = True\n", encoding="utf-8")
    assert package_bytes("read", source) != before


def test_another_functions_code_does_not_change_the_package(source: Path) -> None:
    before = package_bytes("read", source)
    (source / "store" / "handler.py").write_text("changed = True\n", encoding="utf-8")
    assert package_bytes("read", source) == before


def test_the_file_is_what_was_packaged_and_nothing_is_left_beside_it(source: Path, tmp_path: Path) -> None:
    path = build("read", source, tmp_path / "new" / "folder")
    assert path.read_bytes() == package_bytes("read", source)
    assert list(path.parent.iterdir()) == [path]


def test_an_unchanged_package_is_not_written_again(source: Path, tmp_path: Path) -> None:
    path = build("read", source, tmp_path / "build")
    os.utime(path, (1, 1))
    assert build("read", source, tmp_path / "build").stat().st_mtime == 1


def test_a_stale_package_is_replaced(source: Path, tmp_path: Path) -> None:
    path = build("read", source, tmp_path / "build")
    path.write_bytes(b"half a fi")
    assert build("read", source, tmp_path / "build").read_bytes() == package_bytes("read", source)


def test_a_failed_write_leaves_the_old_package_and_no_debris(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build("read", source, tmp_path / "build")
    old = path.read_bytes()
    (source / "read" / "handler.py").write_text("changed = True\n", encoding="utf-8")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        build("read", source, tmp_path / "build")
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("folder", ["read", "shared"])
def test_a_missing_folder_is_named(source: Path, folder: str) -> None:
    shutil.rmtree(source / folder)
    with pytest.raises(FileNotFoundError, match=f"{folder}: a function's code is expected there"):
        package_bytes("read", source)


def test_a_declared_handler_without_a_file_is_named(source: Path) -> None:
    check_handlers(CATALOG.functions)  # every shipped one has its file
    check_handlers([READ], source)
    (source / "read" / "handler.py").unlink()
    with pytest.raises(InvalidConfiguration) as caught:
        check_handlers([READ], source)
    (problem,) = caught.value.problems
    assert (problem.where, problem.value) == ("catalog function 'read' handler", "read.handler.handle")
    assert "one/read/handler.py" in problem.allowed
