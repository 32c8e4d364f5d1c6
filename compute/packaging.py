"""Deployment packages: the same source gives the same bytes, in every folder and at any time."""

import io
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from foundation.model import Function
from foundation.problems import InvalidConfiguration, Problem

SOURCE = Path(__file__).parents[1] / "lambda_src"
BUILD = Path(__file__).parent / ".build"
SHARED = "shared"

# Folders of a function's own that are no part of it.
_NOT_DEPLOYED = {"__pycache__", "tests", "test", "venv", "node_modules"}
_NOT_DEPLOYED_ENDS = (".egg-info", ".dist-info")

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold
_READABLE_FILE = 0o100644 << 16


def package_bytes(package: str, source: Path = SOURCE) -> bytes:
    """The zip of one function: its own folder of lambda_src and what all functions share.

    Sources alone: what a Python compiles differs between its versions. Stored rather than deflated, because compressed
    bytes differ between versions of zlib. Raises FileNotFoundError when the folder doesn't exist.
    """
    files = {path.relative_to(source).as_posix(): path.read_bytes() for path in _sources(source, package)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.external_attr = _READABLE_FILE
            entry.create_system = 3  # Unix, whatever the machine is
            archive.writestr(entry, content)
    return buffer.getvalue()


def check_handlers(functions: Iterable[Function], source: Path = SOURCE) -> None:
    """Raises InvalidConfiguration with every handler without a file in lambda_src, and links that lead elsewhere."""
    problems: list[Problem] = []
    for function in functions:
        file = source.joinpath(*function.handler.split(".")[:-1]).with_suffix(".py")
        if not file.is_file() or not _is_deployed_module(file.name):
            allowed = f"a function in a file of {source.name}; there is no {file.relative_to(source.parent)}"
            where = f"catalog function {function.name!r} handler"
            problems.append(Problem(where=where, value=function.handler, allowed=allowed))
            continue
        try:
            list(_sources(source, function.package))
        except InvalidConfiguration as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise InvalidConfiguration(problems)


def build(package: str, source: Path = SOURCE, target: Path = BUILD) -> Path:
    """Writes a function's package and returns its path; a reader never sees half a file."""
    content = package_bytes(package, source)
    path = target / f"{package}.zip"
    if path.is_file() and path.read_bytes() == content:
        return path
    target.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target, suffix=".zip")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _sources(source: Path, package: str) -> Iterator[Path]:
    """The modules of a function and of what is shared; raises InvalidConfiguration for links that lead elsewhere."""
    problems: list[Problem] = []
    found: list[Path] = []
    for folder in (source / package, source / SHARED):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: a function's code is expected there")
        for place, folders, names in os.walk(folder):
            links = [name for name in folders if Path(place, name).is_symlink()]
            folders[:] = sorted(name for name in folders if _is_deployed(name, Path(place, name)) and name not in links)
            modules = [name for name in names if name.endswith(".py") and _is_deployed_module(name)]
            candidates = [Path(place, name) for name in (*modules, *(name for name in links if _is_deployed(name)))]
            problems += [_led_away(path, source) for path in candidates if _leads_away(path, folder)]
            found += [path for path in candidates if path.is_file()]
        if folder.is_symlink():
            problems.append(_led_away(folder, source))
    if problems:
        raise InvalidConfiguration(problems)
    yield from found


def _is_deployed(name: str, path: Path | None = None) -> bool:
    """True for a folder with code of the function: no hidden one, no tests, caches or environments."""
    environment = path is not None and (path / "pyvenv.cfg").exists()
    return not (name.startswith(".") or name in _NOT_DEPLOYED or name.endswith(_NOT_DEPLOYED_ENDS) or environment)


def _is_deployed_module(name: str) -> bool:
    return not (name.startswith((".", "test_")) or name.endswith("_test.py") or name == "conftest.py")


def _leads_away(path: Path, folder: Path) -> bool:
    """True for a link to anything but a file of the same folder: what is there may be anything, or another's."""
    if not path.is_symlink():
        return False
    target = path.resolve()
    return not (target.is_file() and target.is_relative_to(folder.resolve()) and target.suffix == ".py")


def _led_away(path: Path, source: Path) -> Problem:
    where = f"{source.name}/{path.relative_to(source).as_posix()}"
    allowed = f"a file itself, or a link to one in the same folder; what is shared lies in {source.name}/{SHARED}"
    return Problem(where=where, value=f"a link to {path.readlink()}", allowed=allowed)
