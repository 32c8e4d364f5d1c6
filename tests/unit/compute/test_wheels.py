"""Third-party packages of a function: what is locked is what is packaged, and nothing is built."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import foundation.catalog
from compute import packaging, wheels
from compute.packaging import build
from compute.wheels import PackagesUnavailable
from estate_tool import cli
from estate_tool.core import paths
from estate_tool.setup import locks
from foundation.problems import InvalidConfiguration, Problem
from tests.support import package_index
from tests.support.declarations import READ
from tests.support.package_index import ANY, ARM, INTEL, Index, built_elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUNTIME = "python3.13"
HASH = "0" * 64


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index that is the only one, with an empty cache."""
    with package_index.serving() as served:
        monkeypatch.setenv("ESTATE_CACHE", str(tmp_path / "cache"))
        for name in ("UV_CACHE_DIR", "UV_FIND_LINKS", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("UV_DEFAULT_INDEX", served.url)
        yield served


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("read/__init__.py", "shared/__init__.py"):
        (tmp_path / "lambda_src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lambda_src" / name).touch()
    return written(tmp_path / "lambda_src", "def handle(event, context): ...\n")


def written(source: Path, code: str, lock: str = "") -> Path:
    (source / "read" / "handler.py").write_text(code, encoding="utf-8")
    (source / "read" / "requirements.txt").write_text(lock, encoding="utf-8")
    return source


def problems(source: Path) -> list[tuple[str, object]]:
    with pytest.raises(InvalidConfiguration) as caught:
        build(READ, RUNTIME, source)
    return [(problem.where, problem.value) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("lock", "line"),
    [
        ("thing\n", 1),
        ("thing==1.0\n", 1),
        ("# one\n\nthing>=1 \\\n  --hash=sha256:0\n", 3),
        ("-r other.txt\n", 1),
        ("--index-url https://example.invalid/simple\n", 1),
        ("thing @ https://example.invalid/thing.whl\n", 1),
        (f"-e ./thing --hash=sha256:{HASH}\n", 1),
        (f"fine==1.0 --hash=sha256:{HASH}\nthing==1.0 ; python_version < '3'  # no hash\n", 2),
    ],
)
def test_a_requirement_without_version_and_hash_is_refused_before_anything_is_asked_of_an_index(
    source: Path, lock: str, line: int
) -> None:
    written(source, "", lock)
    with pytest.raises(InvalidConfiguration) as caught:
        packaging.check_handlers([READ], source)
    (problem,) = caught.value.problems
    assert problem.where == f"lambda_src/read/requirements.txt:{line}"
    assert "scripts/estate lock read" in problem.allowed
    assert problems(source) == [(problem.where, problem.value)]


def test_wheels_for_lambdas_machine_and_python_are_packaged_with_what_they_depend_on(
    index: Index, source: Path
) -> None:
    lock = index.add(
        "thing", "1.0", {"thing/__init__.py": "X = 1\n"}, INTEL, ARM, needs="other", entry="thing = thing:X"
    )
    lock += index.add("other", "2.0", {"other.py": "Y = 2\n"})
    lock += 'absent==1.0 ; python_version < "3.13" --hash=sha256:' + HASH
    package = zipfile.ZipFile(build(READ, RUNTIME, written(source, "import thing, other\n", lock)))
    names = set(package.namelist())
    assert {
        "thing/__init__.py",
        "other.py",
        "thing-1.0.dist-info/METADATA",
        "requirements.txt",
        "read/handler.py",
    } <= names
    assert package.read("thing/_built_for").decode() == ARM
    # About the installation, or with the path of a Python of this machine.
    assert not {name for name in names if name.startswith("bin/") or name.endswith(("INSTALLER", ".lock"))}
    assert {name for name in names if name.endswith("RECORD")} == {"shared-0.dist-info/RECORD"}
    recorded = {line.partition(",")[0] for line in package.read("shared-0.dist-info/RECORD").decode().splitlines()}
    assert recorded == {name for name in names if not name.startswith("read/")}
    written(source, "import thing\n", index.add("thing", "1.0", {}, INTEL))
    assert problems(source) == [("lambda_src/read/requirements.txt", "not installable")]


def test_a_package_without_a_wheel_for_lambda_is_refused_and_a_lock_that_lacks_a_dependency(
    index: Index, source: Path
) -> None:
    written(source, "", index.add("thing", "1.0", {}, INTEL))
    with pytest.raises(InvalidConfiguration) as caught:
        build(READ, RUNTIME, source)
    assert "nothing is built" in caught.value.problems[0].allowed
    written(source, "", index.add("thing", "1.1", {}, needs="forgotten"))
    with pytest.raises(InvalidConfiguration) as caught:
        build(READ, RUNTIME, source)
    assert "lock again" in caught.value.problems[0].allowed


def test_a_lock_can_be_packaged_and_stays_when_the_next_one_fails(
    index: Index, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locks, "ensure_uv", lambda: paths.VENV / "bin" / "uv")
    monkeypatch.setattr(packaging, "SOURCE", source)
    monkeypatch.setattr(foundation.catalog, "CATALOG", replace(foundation.catalog.CATALOG, functions=(READ,)))
    for version in ("1.0", "2.0"):
        index.add("thing", version, {"thing/__init__.py": ""}, INTEL, ARM, needs="other")
    index.add("other", "3.0", {"other.py": ""})
    written(source, "import thing, other\n", "thing<2\n")
    assert cli.main(["lock", "read", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "function": "read", "written": ["lambda_src/read/requirements.txt"], "packages": ["other==3.0", "thing==1.0"],
    }  # fmt: skip
    text = (source / "read" / "requirements.txt").read_text(encoding="utf-8")
    assert text.count("--hash=sha256:") == 3
    assert index.url not in text
    assert b"thing/__init__.py" in build(READ, RUNTIME, source).read_bytes()
    (source / "read" / "requirements.in").write_text("thing\nnothing\n", encoding="utf-8")
    assert cli.main(["lock", "read"]) == 1
    assert (source / "read" / "requirements.txt").read_text(encoding="utf-8") == text
    (source / "read" / "requirements.in").write_text("thing\n", encoding="utf-8")
    assert cli.main(["lock", "read"]) == 0
    assert (source / "read" / "requirements.txt").read_text(encoding="utf-8").count("thing==1.0") == 1
    assert cli.main(["lock", "read", "--upgrade"]) == 0
    assert (source / "read" / "requirements.txt").read_text(encoding="utf-8").count("thing==2.0") == 1
    assert cli.main(["lock", "raed"]) == 2
    assert "'read'" in capsys.readouterr().err


def test_a_wheel_without_the_locked_hash_is_never_packaged(index: Index, source: Path) -> None:
    index.add("thing", "1.0", {})
    written(source, "", f"thing==1.0 --hash=sha256:{HASH}")
    assert problems(source) == [("lambda_src/read/requirements.txt", "not installable")]


def test_an_index_that_fails_for_a_moment_is_asked_again_and_one_that_stays_away_is_named(
    index: Index, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = index.add("thing", "1.0", {"thing/__init__.py": ""})
    index.failures = 1
    written(source, "import thing\n", lock)
    whole = build(READ, RUNTIME, source).read_bytes()
    assert index.failures == 0
    # From now on everything that was had stays usable, also for another package.
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    index.failures = 1000
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    assert build(READ, RUNTIME, source).read_bytes() == whole
    written(source, "import thing  # changed\n", lock)
    assert b"thing/__init__.py" in build(READ, RUNTIME, source).read_bytes()
    written(source, "", index.add("another", "1.0", {}))
    with pytest.raises(PackagesUnavailable, match=r"lambda_src/read/requirements\.txt"):
        build(READ, RUNTIME, source)


def test_two_packages_that_overwrite_each_other_or_us_are_refused(index: Index, source: Path) -> None:
    lock = "".join(index.add(name, "1.0", {"tests/__init__.py": name}) for name in ("one", "two"))
    assert problems(written(source, "", lock)) == [("lambda_src/read/requirements.txt", "tests/__init__.py")]
    lock = index.add("clash", "1.0", {"shared/__init__.py": "ours no more"})
    assert problems(written(source, "", lock)) == [("lambda_src/read/requirements.txt", "shared")]


def test_two_machines_make_the_same_package(index: Index, source: Path, tmp_path: Path) -> None:
    lock = index.add("thing", "1.0", {"thing/__init__.py": "X = 1\n"}, INTEL, ARM, entry="thing = thing:X")
    written(source, "import thing\n", lock)
    made = built_elsewhere(source, tmp_path / "one", umask=0o000)
    assert made == built_elsewhere(source, tmp_path / "other", umask=0o077)
    assert made == build(READ, RUNTIME, source).read_bytes()


@pytest.mark.parametrize(
    ("limit", "value"), [("MAXIMUM_UNZIPPED_BYTES", "unpacked"), ("MAXIMUM_ZIPPED_BYTES", "as a ZIP file")]
)
def test_a_package_that_lambda_would_refuse_names_its_largest_part(
    source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, value: str
) -> None:
    monkeypatch.setenv("ESTATE_CACHE", str(tmp_path / "cache"))
    (source / "read" / "model.bin").write_bytes(os.urandom(200_000))
    monkeypatch.setattr(packaging, limit, 100_000)
    with pytest.raises(InvalidConfiguration) as caught:
        build(READ, RUNTIME, source)
    (problem,) = caught.value.problems
    assert (problem.where, problem.value) == ("package of function 'read'", "0.2 MB")
    assert problem.allowed.startswith(f"at most 0.1 MB {value}; the largest parts unpacked: read 0.2 MB, ")


def test_limits_are_those_of_lambda() -> None:
    assert packaging.MAXIMUM_UNZIPPED_BYTES == 262_144_000
    # A request of 69,905,067 bytes, with the code as base64, is the largest that Lambda takes.
    assert 69_905_067 - 16_384 < packaging.MAXIMUM_ZIPPED_BYTES * 4 / 3 < 69_905_067 - 4_096


def test_shared_code_has_no_packages_of_its_own(source: Path) -> None:
    (source / "shared" / "requirements.txt").write_text("", encoding="utf-8")
    with pytest.raises(InvalidConfiguration) as caught:
        packaging.check_handlers([READ], source)
    assert caught.value.problems == (
        Problem(where="lambda_src/shared", value="requirements.txt", allowed=caught.value.problems[0].allowed),
    )


def test_this_machine_gets_its_own_wheels_of_the_same_lock(index: Index) -> None:
    here = f"cp3{sys.version_info[1]}-cp3{sys.version_info[1]}-linux_{os.uname().machine}"
    one = index.add(
        "thing", "1.0", {"thing/__init__.py": "V = 1\n"}, ARM, here if os.uname().sysname == "Linux" else ANY
    )
    two = index.add("thing", "2.0", {"thing/__init__.py": "V = 2\n"})
    folders = [wheels.local(lock, os.environ) for lock in (one, two)]
    assert [(folder / "thing" / "__init__.py").read_text() for folder in folders] == ["V = 1\n", "V = 2\n"]
    assert (folders[0] / "thing" / "_built_for").read_text() != ARM
    index.failures = 1000
    assert wheels.local(one, os.environ) == folders[0]
