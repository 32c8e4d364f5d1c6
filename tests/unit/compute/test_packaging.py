import os
import shutil
import stat
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from compute import wheels
from compute.packaging import SOURCE, build, check_handlers
from estate_tool.core.paths import ROOT
from foundation.cache_folder import cache_folder
from foundation.catalog import CATALOG
from foundation.model import Function
from foundation.problems import InvalidConfiguration
from tests.support.declarations import READ

RUNTIME = "python3.13"
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


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_CACHE", str(tmp_path / "cache"))


def packaged(source: Path) -> bytes:
    return build(READ, RUNTIME, source).read_bytes()


def _names(package: bytes) -> list[str]:
    return zipfile.ZipFile(BytesIO(package)).namelist()


def test_a_package_holds_the_functions_own_code_and_what_is_shared(source: Path) -> None:
    own = {name for name in FILES if not name.startswith("store/")}
    record = {"shared-0.dist-info/METADATA", "shared-0.dist-info/RECORD"}
    assert set(_names(packaged(source))) == own | record


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
    assert packaged(other) == packaged(source)


def test_entries_are_sorted_readable_and_of_no_particular_time(source: Path) -> None:
    entries = zipfile.ZipFile(BytesIO(packaged(source))).infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    for entry in entries:
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert stat.S_IMODE(entry.external_attr >> 16) == 0o644


@pytest.mark.parametrize("name", ["read/handler.py", "shared/events.py"])
def test_changed_code_changes_the_package(source: Path, name: str) -> None:
    before = packaged(source)
    (source / name).write_text("changed = True\n", encoding="utf-8")
    assert packaged(source) != before


def test_another_functions_code_does_not_change_the_package(source: Path) -> None:
    before = packaged(source)
    (source / "store" / "handler.py").write_text("changed = True\n", encoding="utf-8")
    assert packaged(source) == before


def test_a_package_is_made_once_and_then_taken_from_the_cache(source: Path) -> None:
    path = build(READ, RUNTIME, source)
    os.utime(path, (1, 1))
    path.chmod(0o400)
    assert build(READ, RUNTIME, source) == path
    assert [*path.parent.iterdir()] == [path]
    assert path.stat().st_mtime > time.time() - 60  # in use
    assert path.stat().st_mode & 0o777 == 0o400


def test_a_damaged_package_in_the_cache_is_made_again(source: Path) -> None:
    path = build(READ, RUNTIME, source)
    whole = path.read_bytes()
    path.write_bytes(b"half a fi")
    assert build(READ, RUNTIME, source).read_bytes() == whole


def test_packages_not_used_for_long_leave_the_cache(source: Path) -> None:
    path = build(READ, RUNTIME, source)
    os.utime(path, (1, 1))
    (source / "read" / "handler.py").write_text("changed = True\n", encoding="utf-8")
    assert build(READ, RUNTIME, source) != path
    assert not path.exists()


def test_a_failed_write_leaves_no_debris(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        build(READ, RUNTIME, source)
    assert list((cache_folder() / "functions").iterdir()) == []


def test_every_python_with_any_options_makes_the_same_bytes(tmp_path: Path) -> None:
    program = (
        "import sys; from compute.packaging import build; from foundation.catalog import CATALOG;"
        "sys.stdout.buffer.write(build(CATALOG.functions[0], 'python3.13').read_bytes())"
    )
    settings = (
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"},
        {"PYTHONHASHSEED": "2", "PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    ran = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=each | {"ESTATE_CACHE": str(tmp_path / str(number))},
            umask=0o77 * number, capture_output=True, check=True,
        ).stdout
        for number, each in enumerate(settings)
    ]  # fmt: skip
    assert ran == [build(CATALOG.functions[0], RUNTIME).read_bytes()] * 2


BARE = [function for function in CATALOG.functions if not (SOURCE / function.package / wheels.LOCK).exists()]


@pytest.mark.parametrize("function", BARE, ids=lambda function: function.name)
def test_packages_without_code_of_others_are_small(function: Function) -> None:
    assert build(function, RUNTIME).stat().st_size <= 100_000


@pytest.mark.parametrize("folder", ["read", "shared"])
def test_a_missing_folder_is_named(source: Path, folder: str) -> None:
    shutil.rmtree(source / folder)
    with pytest.raises(FileNotFoundError, match=f"{folder}: a function's code is expected there"):
        packaged(source)


LEFT_OUT = (
    "read/.venv/lib/site.py", "read/.hidden.py", "read/.git/hook.py", "read/__pycache__/handler.py", "read/tests/x.py",
    "read/test_handler.py", "read/handler_test.py", "read/conftest.py", "read/deep/tests/y.py", "shared/.cache/z.py",
    "read/venv/bin/activate.py", "read/x.egg-info/setup.py", "read/x.dist-info/a.py", "read/node_modules/a.py",
    "shared/test/a.py", "read/requirements.in", "read/handler.pyc", "read/handler.py~",
)  # fmt: skip


@pytest.mark.parametrize("name", LEFT_OUT)
def test_files_that_a_function_does_not_need_are_in_no_package(source: Path, name: str) -> None:
    before = packaged(source)
    (source / name).parent.mkdir(parents=True, exist_ok=True)
    (source / name).write_text("secret = 1\n", encoding="utf-8")
    assert packaged(source) == before


def test_data_beside_the_code_is_packaged_as_it_is_and_programs_stay_executable(source: Path) -> None:
    for name in ("read/table.csv", "read/deep/tool", "shared/names.json"):
        (source / name).write_bytes(bytes(range(256)))
    (source / "read" / "deep" / "tool").chmod(0o700)
    package = zipfile.ZipFile(BytesIO(packaged(source)))
    assert package.testzip() is None
    assert {package.read(name) for name in ("read/table.csv", "read/deep/tool", "shared/names.json")} == {
        bytes(range(256))
    }
    modes = {entry.filename: stat.S_IMODE(entry.external_attr >> 16) for entry in package.infolist()}
    assert (modes["read/table.csv"], modes["read/deep/tool"]) == (0o644, 0o755)


def test_an_environment_of_any_name_is_in_no_package(source: Path) -> None:
    before = packaged(source)
    (source / "read" / "myenv").mkdir()
    (source / "read" / "myenv" / "pyvenv.cfg").touch()
    (source / "read" / "myenv" / "x.py").touch()
    (source / "read" / "myenv" / "python.py").symlink_to("/usr/bin/env")
    assert packaged(source) == before


@pytest.mark.parametrize(
    "target",
    ["/etc/hostname", "../store/handler.py", "../../outside.py", "nowhere.py", "deep", "/usr", "../shared/events.py"],
)
@pytest.mark.parametrize("name", ["read/link.py", "shared/link.py"])
def test_a_link_that_leads_elsewhere_is_refused_by_its_name(source: Path, target: str, name: str) -> None:
    if name.startswith("shared") and target == "../shared/events.py":
        pytest.skip("within shared that is a file of the same folder")
    (source.parent / "outside.py").write_text("secret = 1\n", encoding="utf-8")
    (source / name).symlink_to(target)
    for refusing in (lambda: packaged(source), lambda: check_handlers([READ], source)):
        with pytest.raises(InvalidConfiguration) as caught:
            refusing()
        (problem,) = caught.value.problems
        assert (problem.where, problem.value) == (f"one/{name}", f"a link to {target}")


def test_a_folder_that_is_a_link_is_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.py").touch()
    (source / "read" / "more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidConfiguration, match="one/read/more"):
        packaged(source)
    (source / "read" / "more").unlink()
    (source / "read").rename(tmp_path / "moved")
    (source / "read").symlink_to(tmp_path / "moved")
    with pytest.raises(InvalidConfiguration, match="one/read is "):
        packaged(source)


def test_a_link_within_the_folder_is_the_file_it_leads_to(source: Path) -> None:
    (source / "read" / "link.py").symlink_to("deep/er/module.py")
    package = zipfile.ZipFile(BytesIO(packaged(source)))
    assert package.read("read/link.py") == package.read("read/deep/er/module.py")


def test_a_handler_that_is_in_no_package_is_named(source: Path) -> None:
    (source / "read" / "handler.py").rename(source / "read" / "test_handler.py")
    with pytest.raises(InvalidConfiguration) as caught:
        check_handlers([replace(READ, handler="read.test_handler.handle")], source)
    (problem,) = caught.value.problems
    assert problem.value == "read.test_handler.handle"


def test_a_declared_handler_without_a_file_is_named(source: Path) -> None:
    check_handlers(CATALOG.functions)  # every shipped one has its file
    check_handlers([READ], source)
    (source / "read" / "handler.py").unlink()
    with pytest.raises(InvalidConfiguration) as caught:
        check_handlers([READ], source)
    (problem,) = caught.value.problems
    assert (problem.where, problem.value) == ("catalog function 'read' handler", "read.handler.handle")
    assert "one/read/handler.py" in problem.allowed
