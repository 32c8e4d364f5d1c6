"""Reproducible deployment packages: the same source gives the same bytes, on every computer, at any time."""

import contextlib
import functools
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from compute import imports, wheels
from compute.archive import MAXIMUM_FILES, File, zip_bytes
from compute.wheels import LOCK
from foundation.cache_folder import cache_folder
from foundation.model import Function
from foundation.problems import InvalidConfiguration, Problem, together

SOURCE = Path(__file__).parents[1] / "lambda_src"
SHARED = "shared"

# Folders and files of lambda_src that are not deployed.
_NOT_DEPLOYED = {"__pycache__", "tests", "test", "venv", "node_modules", "requirements.in"}
_NOT_DEPLOYED_ENDS = (".egg-info", ".dist-info", ".pyc", "~")


def source_files(source: Path, package: str) -> list[Path]:
    """Return the files of a function's package: its own folder of lambda_src, and the shared one.

    Raises InvalidConfiguration for links out of the folder, FileNotFoundError when a folder doesn't exist.
    """
    problems: list[Problem] = []
    found: list[Path] = []
    for folder in (source / package, source / SHARED):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: a function's code is expected there")
        for parent, folders, names in os.walk(folder):
            links = [name for name in folders if Path(parent, name).is_symlink()]
            folders[:] = sorted(n for n in folders if _is_deployed(n, Path(parent, n)) and n not in links)
            files = [name for name in names if _is_deployed(name) and not is_test(name)]
            candidates = [Path(parent, name) for name in (*files, *(name for name in links if _is_deployed(name)))]
            problems += [_outside_link(path, source) for path in candidates if _links_outside(path, folder)]
            found += [path for path in candidates if path.is_file()]
        if folder.is_symlink():
            problems.append(_outside_link(folder, source))
    if (stray := source / SHARED / LOCK).exists():
        where, allowed = f"{source.name}/{SHARED}", "packages in the requirements.txt of each function that needs them"
        problems.append(Problem(where=where, value=stray.name, allowed=allowed))
    if problems:
        raise InvalidConfiguration(problems)
    return found


def _is_deployed(name: str, path: Path | None = None) -> bool:
    """True for code and data of the function: no hidden files, tests, caches or environments."""
    environment = path is not None and (path / "pyvenv.cfg").exists()
    return not (name.startswith(".") or name in _NOT_DEPLOYED or name.endswith(_NOT_DEPLOYED_ENDS) or environment)


def is_test(name: str) -> bool:
    """True for a module of tests, or one that is hidden."""
    return name.endswith(".py") and (
        name.startswith((".", "test_")) or name.endswith("_test.py") or name == "conftest.py"
    )


def _links_outside(path: Path, folder: Path) -> bool:
    """True for a link to anything but a file of the same folder."""
    if not path.is_symlink():
        return False
    target = path.resolve()
    return not (target.is_file() and target.is_relative_to(folder.resolve()))


def _outside_link(path: Path, source: Path) -> Problem:
    where = f"{source.name}/{path.relative_to(source).as_posix()}"
    allowed = f"a file itself, or a link to one in the same folder; what is shared lies in {source.name}/{SHARED}"
    return Problem(where=where, value=f"a link to {path.readlink()}", allowed=allowed)


# "Lambda quotas": 50 MB in a request, which has the code as base64 and a few KB more; 250 MB unpacked.
MAXIMUM_ZIPPED_BYTES = 50 * 2**20 - 8 * 2**10
MAXIMUM_UNZIPPED_BYTES = 250 * 2**20
_KEPT_DAYS = 30
_FORMAT = "2"  # incremented when the same files result in other bytes


def build(
    function: Function, runtime: str, source: Path = SOURCE, report: Callable[[str], None] = lambda _: None
) -> Path:
    """Return the function's package, from the user's cache or built; a digest of its inputs is part of its name.

    Calls `report` before packages are installed, which may take long. Raises PackagesUnavailable, and
    InvalidConfiguration for a function that can't be packaged, such as one with an unresolved import. A package in the
    cache has passed these checks.
    """
    own = _own_files(source, function.package)
    lock = _text(own[wheels.LOCK].content) if wheels.LOCK in own else ""
    folder = cache_folder() / "functions"
    name = f"{function.package}-{_digest(own, function, runtime)}"
    for found in folder.glob(f"{name}-*.zip"):
        if hashlib.sha256(found.read_bytes()).hexdigest().startswith(found.stem.rpartition("-")[2]):
            with contextlib.suppress(OSError):  # a read-only cache
                os.utime(found)
            return found
    if any(wheels.requirements(lock)):
        report(f"packaging {function.name}, with wheels for {runtime} on {wheels.ARCHITECTURE}")
    content = _package(function, runtime, own, lock, source)
    path = folder / f"{name}-{hashlib.sha256(content).hexdigest()[:24]}.zip"
    _write(path, content)
    return path


def build_all(
    functions: Iterable[Function], runtime: str, report: Callable[[str], None] = lambda _: None
) -> dict[str, Path]:
    """Return the packages of all functions by name; raise one InvalidConfiguration with all problems."""
    each = list(functions)
    paths = together(*(functools.partial(build, function, runtime, report=report) for function in each))
    return {function.name: path for function, path in zip(each, paths, strict=True)}


def check_handlers(functions: Iterable[Function], source: Path = SOURCE) -> None:
    """Raise InvalidConfiguration with handlers without a file, links out of a folder, locks without hashes."""
    problems: list[Problem] = []
    for function in functions:
        file = source.joinpath(*function.handler.split(".")[:-1]).with_suffix(".py")
        if not file.is_file() or is_test(file.name):
            allowed = f"a function in a file of {source.name}; there is no {file.relative_to(source.parent)}"
            where = f"catalog function {function.name!r} handler"
            problems.append(Problem(where=where, value=function.handler, allowed=allowed))
            continue
        try:
            lock = source / function.package / wheels.LOCK
            if lock in source_files(source, function.package):
                wheels.check_lock(_text(lock.read_bytes()), _lock_name(source, function), function.name)
        except InvalidConfiguration as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise InvalidConfiguration(problems)


def _own_files(source: Path, package: str) -> dict[str, File]:
    """Return own files by their name in the package; the lock of third-party packages is at its top."""
    files: dict[str, File] = {}
    for path in source_files(source, package):
        name = path.relative_to(source).as_posix()
        executable = path.suffix != ".py" and bool(path.stat().st_mode & 0o100)
        files[wheels.LOCK if name == f"{package}/{wheels.LOCK}" else name] = File(path.read_bytes(), executable)
    return files


def _digest(own: Mapping[str, File], function: Function, runtime: str) -> str:
    digest = hashlib.sha256(
        "\n".join((_FORMAT, version("deflate"), runtime, wheels.ARCHITECTURE, function.handler)).encode()
    )
    for name, file in sorted(own.items()):
        digest.update(f"\n{name}\n{file.mode}\n{hashlib.sha256(file.content).hexdigest()}".encode())
    return digest.hexdigest()[:24]


def _package(function: Function, runtime: str, own: Mapping[str, File], lock: str, source: Path) -> bytes:
    shown = _lock_name(source, function)
    wheels.check_lock(lock, shown, function.name)
    others = _third_party(lock, shown, runtime) if any(wheels.requirements(lock)) else {}
    if clashing := {name.partition("/")[0].partition(".")[0] for name in others} & {function.package, SHARED}:
        allowed = "packages without a module of the name of the function's folder or of what functions share"
        raise InvalidConfiguration([Problem(where=shown, value=sorted(clashing)[0], allowed=allowed)])
    files = {**others, **own}
    files |= _record(files, function.package)
    _check_imports(function, runtime, files, own, source)
    _check_size(function, files, sum(len(file.content) for file in files.values()), MAXIMUM_UNZIPPED_BYTES, "unpacked")
    content = zip_bytes(files)
    _check_size(function, files, len(content), MAXIMUM_ZIPPED_BYTES, "as a ZIP file")
    return content


def _record(files: Mapping[str, File], package: str) -> dict[str, File]:
    """Return a RECORD of all files from outside of the function's folder, as installers write it.

    An audit distinguishes installed files from own ones by it ("Recording installed projects", Python Packaging User
    Guide; hashes and sizes may be left out).
    """
    folder = f"{SHARED}-0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {SHARED}\nVersion: 0\n"
    names = [name for name in files if not name.startswith(f"{package}/")]
    record = "".join(f"{name},,\n" for name in sorted([*names, f"{folder}/METADATA", f"{folder}/RECORD"]))
    return {f"{folder}/METADATA": File(metadata.encode()), f"{folder}/RECORD": File(record.encode())}


def _third_party(lock: str, shown: str, runtime: str) -> dict[str, File]:
    with tempfile.TemporaryDirectory(prefix="estate-wheels-") as folder:
        target = Path(folder, "wheels")
        wheels.install(lock, target, shown, *wheels.lambda_platform(runtime))
        return {
            name: File(path.read_bytes(), bool(path.stat().st_mode & 0o100))
            for name, path in wheels.installed(target, shown).items()
        }


def _check_imports(
    function: Function, runtime: str, files: Mapping[str, File], own: Mapping[str, File], source: Path
) -> None:
    """Raise InvalidConfiguration with every import that would fail in Lambda."""
    contents = {name: file.content for name, file in files.items()}
    missing = imports.unresolved(function.handler.rpartition(".")[0], contents, own.keys(), runtime)
    problems = [
        Problem(
            where=f"{source.name}/{each.file}:{each.line}",
            value=f"import {each.module}",
            allowed=_importable(each.module, function, runtime, source),
        )
        for each in missing
    ]
    if problems:
        raise InvalidConfiguration(problems)


def _importable(module: str, function: Function, runtime: str, source: Path) -> str:
    top = module.partition(".")[0]
    if top in (function.package, SHARED):
        return f"modules of lambda_src/{top} that are there and are no tests"
    if (source / top).exists():
        return f"modules of the function's own folder and of {source.name}/{SHARED}: move there what functions share"
    return (
        f"what the package of {function.name!r}, the standard library of {runtime} and boto3 have; add the package "
        f"that brings {top!r} to {source.name}/{function.package}/requirements.in: scripts/estate lock {function.name}"
    )


def _check_size(function: Function, files: Mapping[str, File], size: int, maximum: int, how: str) -> None:
    """Raise InvalidConfiguration, with the largest parts, for a package that Lambda refuses."""
    parts: dict[str, int] = {}
    for name, file in files.items():
        top = name.partition("/")[0]
        parts[top] = parts.get(top, 0) + len(file.content)
    largest = sorted(parts, key=lambda part: -parts[part])[:3]
    listed = ", ".join(f"{part} {parts[part] / 1e6:.1f} MB" for part in largest)
    where = f"package of function {function.name!r}"
    if size > maximum:
        allowed = f"at most {maximum / 1e6:.1f} MB {how}; the largest parts unpacked: {listed}"
        raise InvalidConfiguration([Problem(where=where, value=f"{size / 1e6:.1f} MB", allowed=allowed)])
    if len(files) > MAXIMUM_FILES:
        raise InvalidConfiguration([Problem(where=where, value=len(files), allowed=f"at most {MAXIMUM_FILES} files")])


def _write(path: Path, content: bytes) -> None:
    """Write a package atomically into the cache; remove packages unused for _KEPT_DAYS."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    oldest = time.time() - _KEPT_DAYS * 86_400
    for other in path.parent.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process does the same
            if other.stat().st_mtime < oldest:
                other.unlink()


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", errors="replace")


def _lock_name(source: Path, function: Function) -> str:
    return f"{source.name}/{function.package}/{wheels.LOCK}"
