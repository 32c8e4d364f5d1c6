"""Deployment packages: the same source gives the same bytes, in every folder and at any time."""

import io
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from compute.bytecode import compiled
from foundation.model import Function
from foundation.problems import InvalidConfiguration, Problem

SOURCE = Path(__file__).parents[1] / "lambda_src"
BUILD = Path(__file__).parent / ".build"
SHARED = "shared"

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold
_READABLE_FILE = 0o100644 << 16


def package_bytes(package: str, runtime: str, source: Path = SOURCE) -> bytes:
    """The zip of one function: its own folder of lambda_src and what all functions share.

    Beside the sources lie the modules compiled for the runtime (such as python3.13), if this machine can. Stored rather
    than deflated, because compressed bytes differ between versions of zlib. Raises FileNotFoundError when the folder
    doesn't exist.
    """
    sources = _read(source, _sources(source, package))
    files = sources | compiled(sources, runtime, lambda: _read(source, source.rglob("*.py")))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.external_attr = _READABLE_FILE
            entry.create_system = 3  # Unix, whatever the machine is
            archive.writestr(entry, content)
    return buffer.getvalue()


def check_handlers(functions: Iterable[Function], source: Path = SOURCE) -> None:
    """Raises InvalidConfiguration with every declared handler that has no file in lambda_src."""
    problems: list[Problem] = []
    for function in functions:
        file = source.joinpath(*function.handler.split(".")[:-1]).with_suffix(".py")
        if not file.is_file():
            allowed = f"a function in a file of {source.name}; there is no {file.relative_to(source.parent)}"
            where = f"catalog function {function.name!r} handler"
            problems.append(Problem(where=where, value=function.handler, allowed=allowed))
    if problems:
        raise InvalidConfiguration(problems)


def build(package: str, runtime: str, source: Path = SOURCE, target: Path = BUILD) -> Path:
    """Writes a function's package and returns its path; a reader never sees half a file."""
    content = package_bytes(package, runtime, source)
    path = target / f"{package}-{runtime}.zip"  # environments may differ in their runtime
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


def _read(source: Path, paths: Iterable[Path]) -> dict[str, bytes]:
    return {path.relative_to(source).as_posix(): path.read_bytes() for path in paths}


def _sources(source: Path, package: str) -> Iterator[Path]:
    for folder in (package, SHARED):
        if not (source / folder).is_dir():
            raise FileNotFoundError(f"{source / folder}: a function's code is expected there")
        yield from (path for path in (source / folder).rglob("*.py") if path.is_file())
