"""Files that a function's package is made of: its own folder of lambda_src and the one that all functions share."""

import os
from pathlib import Path

from compute.wheels import LOCK
from foundation.problems import InvalidConfiguration, Problem

SOURCE = Path(__file__).parents[1] / "lambda_src"
SHARED = "shared"

# Folders and files of a function's own that are no part of it.
_NOT_DEPLOYED = {"__pycache__", "tests", "test", "venv", "node_modules", "requirements.in"}
_NOT_DEPLOYED_ENDS = (".egg-info", ".dist-info", ".pyc", "~")


def source_files(source: Path, package: str) -> list[Path]:
    """Return the files that a function's package is made of: its own folder of lambda_src and what all functions share.

    Raises InvalidConfiguration for links that lead elsewhere, FileNotFoundError when a folder doesn't exist.
    """
    problems: list[Problem] = []
    found: list[Path] = []
    for folder in (source / package, source / SHARED):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: a function's code is expected there")
        for place, folders, names in os.walk(folder):
            links = [name for name in folders if Path(place, name).is_symlink()]
            folders[:] = sorted(name for name in folders if _is_deployed(name, Path(place, name)) and name not in links)
            files = [name for name in names if _is_deployed(name) and not is_test(name)]
            candidates = [Path(place, name) for name in (*files, *(name for name in links if _is_deployed(name)))]
            problems += [_led_away(path, source) for path in candidates if _leads_away(path, folder)]
            found += [path for path in candidates if path.is_file()]
        if folder.is_symlink():
            problems.append(_led_away(folder, source))
    if (stray := source / SHARED / LOCK).exists():
        where, allowed = f"{source.name}/{SHARED}", "packages in the requirements.txt of each function that needs them"
        problems.append(Problem(where=where, value=stray.name, allowed=allowed))
    if problems:
        raise InvalidConfiguration(problems)
    return found


def _is_deployed(name: str, path: Path | None = None) -> bool:
    """True for what is code or data of the function: nothing hidden, no tests, caches or environments."""
    environment = path is not None and (path / "pyvenv.cfg").exists()
    return not (name.startswith(".") or name in _NOT_DEPLOYED or name.endswith(_NOT_DEPLOYED_ENDS) or environment)


def is_test(name: str) -> bool:
    """Return True for a module of tests, or one that is hidden."""
    return name.endswith(".py") and (
        name.startswith((".", "test_")) or name.endswith("_test.py") or name == "conftest.py"
    )


def _leads_away(path: Path, folder: Path) -> bool:
    """True for a link to anything but a file of the same folder: what is there may be anything, or another's."""
    if not path.is_symlink():
        return False
    target = path.resolve()
    return not (target.is_file() and target.is_relative_to(folder.resolve()))


def _led_away(path: Path, source: Path) -> Problem:
    where = f"{source.name}/{path.relative_to(source).as_posix()}"
    allowed = f"a file itself, or a link to one in the same folder; what is shared lies in {source.name}/{SHARED}"
    return Problem(where=where, value=f"a link to {path.readlink()}", allowed=allowed)
