"""`make lock`: every lock file again, with hashes and without index addresses, at the newest allowed versions.

With a package's name only that one is lifted, and what it needs: the rest stays as it is locked.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from estate_tool.console.progress import Report
from estate_tool.core import paths
from estate_tool.core.errors import UsageError
from estate_tool.setup.environments import PINS, ensure_uv, uv_environ
from estate_tool.setup.processes import run

OLDEST_PYTHON = "3.11"


def make(report: Report, package: str = "") -> None:
    """Write requirements.lock, the embedded AWS's, the policy checkers' and the pins of the set-up's own tools.

    With `package`, only the files that have it; raises UsageError when none has.
    """
    uv, env = ensure_uv(report), uv_environ()
    checkers = paths.ROOT / "tests" / "contract" / "checkers"
    local_aws = paths.SCRIPTS / "local_aws"
    files = [
        (paths.ROOT / "pyproject.toml", paths.ROOT / "requirements.lock", ["--group", "dev"]),
        (local_aws / "requirements.in", local_aws / "requirements.lock", []),
        (checkers / "requirements.in", checkers / "requirements.lock", []),
        (PINS / "uv.in", PINS / "uv.txt", []),
        (PINS / "go.in", PINS / "go.txt", []),
    ]
    wanted = [file for file in files if not package or _names(file, package)]
    if not wanted:
        raise UsageError(
            f"no lock file and no list of requirements has {package}", "see pyproject.toml and the .in files"
        )
    upgrade = ["--upgrade-package", package] if package else ["--upgrade"]
    for source, lock, more in wanted:
        name = str(lock.relative_to(paths.ROOT))
        command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", *upgrade]
        header = ["--python-version", OLDEST_PYTHON, "--custom-compile-command", "make lock"]
        # Relative names and the checkout as working folder: the names stand in the lock files.
        run(
            [*command, *header, *more, str(source.relative_to(paths.ROOT)), "--output-file", name],
            doing=f"locking {name}",
            log="lock",
            report=report,
            env=env,
            cwd=paths.ROOT,
        )
        report.line(f"{name} is up to date")


def make_for_function(lock: Path, function: str, report: Report, *, upgrade: bool) -> list[str]:
    """Write the lock file of a function's packages from the requirements.in beside it; return what it names.

    Without a requirements.in, from the lock file itself. The old one stays when that fails. Raises UsageError when
    neither is there, Failed with uv's words.
    """
    wanted = next((file for file in (lock.with_suffix(".in"), lock) if file.is_file()), None)
    if wanted is None:
        raise UsageError(
            f"there are no requirements in {lock.parent}; nothing was written",
            f"write the names of the packages, one a line, into {lock.with_suffix('.in')}",
        )
    uv, env = ensure_uv(report), uv_environ()
    # Away from the checkout, whose pyproject.toml has settings for the tool's own environment.
    with tempfile.TemporaryDirectory(prefix="estate-lock-") as folder:
        made = Path(folder, lock.name)
        if lock.is_file():
            shutil.copyfile(lock, made)
        shutil.copyfile(wanted, made.with_suffix(".in"))
        command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--only-binary", ":all:"]
        header = ["--python-version", OLDEST_PYTHON, "--custom-compile-command", f"scripts/estate lock {function}"]
        files = [made.with_suffix(".in").name, "--output-file", made.name, *(["--upgrade"] if upgrade else [])]
        run([*command, *header, *files], doing=f"locking {lock}", log="lock", report=report, env=env, cwd=Path(folder))
        text = made.read_text(encoding="utf-8")
    new = lock.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(lock)
    return re.findall(r"(?m)^[\w.\[\],-]+==[^\s;\\]+", text)


def _names(file: tuple[Path, Path, list[str]], package: str) -> bool:
    """True if the lock file, or the list that it is made from, has the package."""
    source, lock, _ = file
    name = re.escape(_normal(package))
    texts = [path.read_text(encoding="utf-8") for path in (source, lock) if path.exists()]
    return any(re.search(rf"(?m)^[\s\"]*{name}(?![\w.-])", _normal(text)) for text in texts)


def _normal(text: str) -> str:
    """Names as packages' index compares them: case, hyphens, underscores and dots are one."""
    return re.sub(r"(?<=\w)[_.](?=[a-z])", "-", text.lower())
