"""`make lock`: every lock file again, with hashes and without index addresses, at the newest allowed versions."""

from __future__ import annotations

from estate_tool import paths
from estate_tool.setup.processes import run
from estate_tool.setup.report import Report
from estate_tool.setup.uv import PINS, ensure_uv, uv_environ

OLDEST_PYTHON = "3.11"


def make(report: Report) -> None:
    """Write requirements.lock, the embedded AWS's, the policy checkers' and the pins of the set-up's own tools."""
    uv, env = ensure_uv(report), uv_environ()
    checkers = paths.ROOT / "tests" / "contract" / "checkers"
    local_aws = paths.SCRIPTS / "local_aws"
    for source, lock, more in [
        (paths.ROOT / "pyproject.toml", paths.ROOT / "requirements.lock", ["--group", "dev"]),
        (local_aws / "requirements.in", local_aws / "requirements.lock", []),
        (checkers / "requirements.in", checkers / "requirements.lock", []),
        (PINS / "uv.in", PINS / "uv.txt", []),
        (PINS / "go.in", PINS / "go.txt", []),
    ]:
        name = str(lock.relative_to(paths.ROOT))
        command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--upgrade"]
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
