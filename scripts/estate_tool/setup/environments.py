"""The Python environments, the checkout's own (.venv) and those in the cache, and uv, which fills them.

An environment is built aside and renamed when it is complete, so a half-made one is never met. The stamp in it is a
copy of the lock file it was made from; scripts/_setup.sh compares it the same way.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from estate_tool.console.progress import duration, say
from estate_tool.core import paths
from estate_tool.core.errors import Failed
from estate_tool.setup.processes import base_python, beside, environ, hold, run

PINS = Path(__file__).parent / "pins"
# `uv venv --relocatable` and `uv pip sync --compile-bytecode` both stand since 0.3; 0.6 is the oldest one tried.
OLDEST = (0, 6, 0)
# The number rises when the way environments are made changes; scripts/_setup.sh names the same file.
STAMP = ".made-from-1.lock"
CHECKERS_LOCK = paths.ROOT / "tests" / "contract" / "checkers" / "requirements.lock"
LOCAL_AWS_LOCK = paths.SCRIPTS / "local_aws" / "requirements.lock"


def version_of(text: str) -> tuple[int, ...]:
    """Return the first `1.2.3` in `text` (`v1.2.3`, `go1.26`, `uv 0.13.9 (…)`), else (); a missing third part is 0."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def ask_version(*command: str | Path) -> str:
    """Return the version that `command` prints; empty when it can't be run."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            stdin=subprocess.DEVNULL,
            env=environ(PULUMI_SKIP_UPDATE_CHECK="true", GOTOOLCHAIN="local"),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def ensure_uv() -> Path:
    """Return the uv to use, installed into the cache when PATH has none that is new enough."""
    on_path = shutil.which("uv")
    if on_path and version_of(ask_version(on_path, "--version")) >= OLDEST:
        return Path(on_path)
    pinned = (PINS / "uv.in").read_text(encoding="utf-8").strip().replace("==", "-")
    wanted = paths.cache() / "tools" / pinned
    if wanted.exists():
        return wanted
    with hold(paths.cache() / "locks" / "uv.lock", "uv"):
        if not wanted.exists():
            say(f"set-up: installing {pinned} into {wanted.parent}")
            _install(wanted)
    return wanted


def uv_environ() -> dict[str, str]:
    """Return the environment for uv: downloads stay in our cache, beside the environments they are linked into."""
    return environ(UV_CACHE_DIR=os.environ.get("UV_CACHE_DIR") or str(paths.cache() / "packages"))


def _install(wanted: Path) -> None:
    """Install uv by pip, without the folder around it: uv is one program that needs nothing beside it."""
    requirements = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", PINS / "uv.txt"]
    with beside(wanted) as aside:
        command = [*_pip(aside), "install", "--target", aside / "uv", *requirements]
        run(command, doing="set-up: installing uv", log="uv", env=environ())
        (aside / "uv" / "bin" / "uv").rename(wanted)


def _pip(aside: Path) -> list[str | Path]:
    """Return a pip to call: this Python's own, else one in an environment made for it."""
    python = base_python()
    if ask_version(python, "-m", "pip", "--version"):
        return [python, "-m", "pip"]
    command = [python, "-m", "venv", aside / "venv"]
    try:
        run(command, doing="set-up: making an environment for pip", log="uv", env=environ())
    except Failed as failed:
        raise Failed(
            f"{python} has neither pip nor venv, and there is no uv on PATH",
            "install one of them (on Debian and Ubuntu: the package python3-venv)\n" + failed.hint,
        ) from failed
    return [aside / "venv" / "bin" / "python", "-m", "pip"]


def ensure_checkout(root: Path = paths.ROOT) -> Path:
    """Return the Python of the checkout's `.venv`, made, or made again when it differs from the lock file."""
    lock = root / "requirements.lock"
    folder = root / ".venv"
    # Beside .venv, not in it: it outlives the environment it guards.
    with hold(root / ".venv.lock", str(folder)):
        if not (is_made_from(folder, lock) and _is_this_python(folder)):
            make("the checkout's environment", folder, lock, _put_checkout_on_path)
    return folder / "bin" / "python"


def ensure_local_aws() -> Path:
    """Return the Python of the embedded AWS, shared by every checkout with the same lock file and Python."""
    return ensure_cached("the embedded AWS's environment", "local-aws", LOCAL_AWS_LOCK)


def ensure_checkers() -> Path:
    """Return the Python of the checkers' environment: linters of policies, templates and workflows."""
    return ensure_cached("the checkers' environment", "checkers", CHECKERS_LOCK)


def ensure_cached(what: str, name: str, lock: Path) -> Path:
    """Return the Python of the environment `name` of exactly this lock file and Python, made when there is none."""
    digest = hashlib.sha256(lock.read_bytes() + platform.python_version().encode()).hexdigest()[:12]
    folder = paths.cache() / name / digest
    if not is_made_from(folder, lock):
        with hold(paths.cache() / "locks" / f"{name}-{digest}.lock", what):
            if not is_made_from(folder, lock):
                make(what, folder, lock)
    return folder / "bin" / "python"


def is_made_from(folder: Path, lock: Path) -> bool:
    """Return True if `folder` is a complete environment made from exactly this lock file, with its Python."""
    try:
        return os.access(folder / "bin" / "python", os.X_OK) and (folder / STAMP).read_bytes() == lock.read_bytes()
    except OSError:
        return False


def _is_this_python(folder: Path) -> bool:
    """Return False if another Python was asked for than the environment has; PATH differs from shell to shell."""
    return not os.environ.get("ESTATE_PYTHON") or (folder / "bin" / "python").resolve() == base_python()


def make(what: str, folder: Path, lock: Path, finish: Callable[[Path], None] | None = None) -> None:
    """Make the environment `folder` from `lock`; `finish` adds to it before it gets its name. The caller locks."""
    began = time.monotonic()
    log = what.replace("the ", "").replace(" ", "-").replace("'s", "")
    say(f"set-up: making {what} with Python {platform.python_version()} in {folder}")
    with beside(folder) as made:
        uv, env = ensure_uv(), uv_environ()
        # Relocatable: its commands find their Python beside them, so the folder can be renamed and the checkout moved.
        new = [uv, "venv", "--quiet", "--no-project", "--relocatable", "--python", base_python(), made]
        run(new, doing=f"set-up: making {what}", log=log, env=env)
        fill = [uv, "pip", "sync", "--python", made / "bin" / "python", "--require-hashes", "--compile-bytecode", lock]
        run(fill, doing=f"set-up: filling {what}", log=log, env=env)
        if finish:
            finish(made)
        shutil.copyfile(lock, made / STAMP)
        _replace(folder, made)
    say(f"set-up: {what} is ready after {duration(time.monotonic() - began)}")


def _put_checkout_on_path(made: Path) -> None:
    """Make the checkout's packages importable and `estate` a command; relative, so that the checkout can be moved."""
    packages = next((made / "lib").glob("python*")) / "site-packages"
    up = Path(*[".."] * len((packages.relative_to(made.parent)).parts))
    lines = [up, up / "scripts", up / "lambda_src"]
    (packages / "estate.pth").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (made / "bin" / "estate").symlink_to("../../scripts/estate")


def _replace(folder: Path, made: Path) -> None:
    old = folder.with_name(folder.name + ".old")
    if folder.is_symlink() or folder.exists():
        # A folder that set-up did not make may hold files of the user's.
        ours = any(folder.glob(".made-from-*"))
        aside = old if ours else folder.with_name(folder.name + ".previous")
        _remove(aside)
        folder.rename(aside)
        if not ours:
            say(f"set-up: {folder} was not made by this tool; it is now {aside}")
    made.rename(folder)
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
