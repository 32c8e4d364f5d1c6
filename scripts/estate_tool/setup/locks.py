"""`make lock`: every lock file again, with hashes and without index addresses, at the newest allowed versions.

With a package's name only that one is lifted, and what it needs: the rest stays as it is locked.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from estate_tool.console.progress import say
from estate_tool.core import paths
from estate_tool.core.errors import UsageError
from estate_tool.setup.environments import CHECKERS_LOCK, LOCAL_AWS_LOCK, PINS, ensure_uv, uv_environ
from estate_tool.setup.processes import run

OLDEST_PYTHON = "3.11"


def make(package: str = "") -> None:
    """Write requirements.lock, the embedded AWS's, the policy checkers' and the pins of the set-up's own tools.

    With `package`, only the files that have it; raises UsageError when none has.
    """
    beside = (LOCAL_AWS_LOCK, CHECKERS_LOCK, PINS / "uv.txt", PINS / "go.txt")
    files = [(paths.ROOT / "pyproject.toml", paths.ROOT / "requirements.lock")]
    files += [(lock.with_suffix(".in"), lock) for lock in beside]
    wanted = [file for file in files if not package or _names(*file, package)]
    if not wanted:
        raise UsageError(
            f"no lock file and no list of requirements has {package}", "see pyproject.toml and the .in files"
        )
    upgrade = ["--upgrade-package", package] if package else ["--upgrade"]
    for source, lock in wanted:
        group = ["--group", "dev"] if source.name == "pyproject.toml" else []
        # Relative names and the checkout as working folder: the names stand in the lock files.
        name = str(lock.relative_to(paths.ROOT))
        listed = str(source.relative_to(paths.ROOT))
        _compile([*upgrade, *group], listed, name, "make lock", f"locking {name}", paths.ROOT)
        say(f"{name} is up to date")


def make_for_function(lock: Path, function: str, *, upgrade: bool) -> list[str]:
    """Write the lock file of a function's packages from the requirements.in beside it; return the packages in it.

    Without a requirements.in, from the lock file itself. The old one stays when that fails. Raises UsageError when
    neither is there, Failed with uv's words.
    """
    wanted = next((file for file in (lock.with_suffix(".in"), lock) if file.is_file()), None)
    if wanted is None:
        raise UsageError(
            f"there are no requirements in {lock.parent}; nothing was written",
            f"write the names of the packages, one a line, into {lock.with_suffix('.in')}",
        )
    # Away from the checkout, whose pyproject.toml has settings for the tool's own environment.
    with tempfile.TemporaryDirectory(prefix="estate-lock-") as folder:
        made = Path(folder, lock.name)
        if lock.is_file():
            shutil.copyfile(lock, made)
        source = Path(shutil.copyfile(wanted, made.with_suffix(".in")))
        flags = ["--only-binary", ":all:", *(["--upgrade"] if upgrade else [])]
        _compile(flags, source.name, made.name, f"scripts/estate lock {function}", f"locking {lock}", Path(folder))
        text = made.read_text(encoding="utf-8")
    new = lock.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(lock)
    return re.findall(r"(?m)^[\w.\[\],-]+==[^\s;\\]+", text)


def _compile(flags: list[str], source: str, lock: str, made_by: str, doing: str, folder: Path) -> None:
    """Run `uv pip compile` in the folder; `made_by` is the command that the lock file's header names."""
    command = [ensure_uv(), "pip", "compile", "--quiet", "--universal", "--generate-hashes", *flags]
    header = ["--python-version", OLDEST_PYTHON, "--custom-compile-command", made_by]
    run([*command, *header, source, "--output-file", lock], doing=doing, log="lock", env=uv_environ(), cwd=folder)


def _names(source: Path, lock: Path, package: str) -> bool:
    """Return True if the lock file, or the list that it is made from, has the package."""
    name = re.escape(_normal(package))
    texts = [path.read_text(encoding="utf-8") for path in (source, lock) if path.exists()]
    return any(re.search(rf"(?m)^[\s\"]*{name}(?![\w.-])", _normal(text)) for text in texts)


def _normal(text: str) -> str:
    """Names as packages' index compares them: case, hyphens, underscores and dots are one."""
    return re.sub(r"(?<=\w)[_.](?=[a-z])", "-", text.lower())
