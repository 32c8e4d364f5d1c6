"""Third-party packages of functions: wheels of a lock with hashes, installed by uv, never built."""

import csv
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from foundation.cache_folder import cache_folder
from foundation.problems import InvalidConfiguration, Problem

ARCHITECTURE = "arm64"
LOCK = "requirements.txt"

_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# "Lambda runtimes": Amazon Linux 2 has glibc 2.26, and the next tag below is that of 2.17; Amazon Linux 2023 has 2.34.
_OLD_GLIBC = ("python3.11",)
_UV = Path(__file__).parents[1] / ".venv" / "bin" / "uv"
# Variables that would make uv install other packages than the locked ones, or into another folder.
_REMOVED_VARIABLES = (
    "VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_TARGET",
    "UV_PREFIX", "UV_NO_BINARY", "UV_COMPILE_BYTECODE", "UV_PROJECT", "UV_WORKING_DIRECTORY",
)  # fmt: skip
_HASHED = re.compile(
    r"[A-Za-z0-9][\w.-]*(\[[\w.,\s-]*\])?\s*==\s*[\w.!+-]+(\s*;[^#]*?)?(\s+--hash=sha(256|384|512):[0-9a-f]+)+"
)
_INCOMPLETE = re.compile(r"must (be pinned|have (their|a) (version|hash))|no trusted hash|depends on", re.I)
_WRONG_HASH = re.compile(r"hash mismatch|do(es)? not match the hash|no matching hash", re.I)
_UNAVAILABLE = re.compile(
    r"error sending|failed to (fetch|download)|dns error|timed? ?out|connection|certificate|os error|HTTP status",
    re.I,
)
# Files of the installer about the installation.
_OF_INSTALLATION = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")


class PackagesUnavailable(Exception):
    """Raised when packages can't be downloaded or installed for now; the text has the remedy."""


def requirements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each requirement of a requirements file with the number of its first line."""
    start, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        bare = re.sub(r"(^|\s)#.*", "", line).strip()
        if bare and not parts:
            start = number
        parts += [bare.removesuffix("\\").strip()] if bare else []
        if parts and not bare.endswith("\\"):
            yield start, " ".join(parts)
            parts = []
    if parts:
        yield start, " ".join(parts)


def is_locked(text: str) -> bool:
    """True if there are requirements, all with version and hashes."""
    found = [requirement for _, requirement in requirements(text)]
    return bool(found) and all(map(_HASHED.fullmatch, found))


def check_lock(text: str, shown: str, function: str) -> None:
    """Raise InvalidConfiguration for each requirement without an exact version and hashes. `shown` is the file."""
    allowed = f"NAME==VERSION with its hashes, which this writes: scripts/estate lock {function}"
    problems = [
        Problem(where=f"{shown}:{number}", value=requirement, allowed=allowed)
        for number, requirement in requirements(text)
        if not _HASHED.fullmatch(requirement)
    ]
    if problems:
        raise InvalidConfiguration(problems)


def lambda_platform(runtime: str) -> tuple[str, ...]:
    """Return uv's arguments for wheels that run on Lambda with a runtime such as python3.13."""
    glibc = "2_17" if runtime in _OLD_GLIBC else "2_34"
    return (
        "--python", sys.executable, "--python-version", runtime.removeprefix("python"),
        "--python-platform", f"{_MACHINES[ARCHITECTURE]}-manylinux_{glibc}",
    )  # fmt: skip


def local(lock: str, environ: Mapping[str, str]) -> Path:
    """Return a folder with the wheels of a lock for this Python on this computer; install them if there is none.

    `environ` are uv's environment variables, with proxies and the index. Raises InvalidConfiguration or
    PackagesUnavailable.
    """
    here = (platform.python_version(), platform.system(), platform.machine(), platform.libc_ver()[1])
    digest = hashlib.sha256("\n".join((lock, *here)).encode()).hexdigest()[:24]
    folder = cache_folder(environ) / "wheels" / digest
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{digest}.new-") as aside:
            made = Path(aside, "made")
            install(lock, made, LOCK, "--python", sys.executable, environ=environ)
            try:
                made.rename(folder)
            except OSError:  # unless another process was faster
                if not folder.is_dir():
                    raise
    return folder


def install(lock: str, target: Path, shown: str, *where: str, environ: Mapping[str, str] = os.environ) -> None:
    """Install the packages of a lock into `target`, by uv; `where` are its arguments for Python and platform.

    Uses the index only for packages that are not in the cache; uv retries transient failures. Raises
    InvalidConfiguration if a package can't be installed there, PackagesUnavailable if it can't be downloaded now.
    """
    if not _UV.exists():
        raise PackagesUnavailable(f"{_UV} is missing, which installs the packages of functions: scripts/setup.sh venv")
    variables = {name: value for name, value in environ.items() if name not in _REMOVED_VARIABLES}
    variables.setdefault("UV_CACHE_DIR", str(cache_folder(environ) / "packages"))
    with tempfile.TemporaryDirectory(prefix="estate-lock-") as folder:
        file = Path(folder, LOCK)
        file.write_text(lock, encoding="utf-8")
        command = [
            str(_UV), "pip", "install", "--no-progress", "--color", "never", "--target", str(target),
            "--require-hashes", "--only-binary", ":all:", "--no-compile-bytecode", "--link-mode", "copy", *where,
            "-r", str(file),
        ]  # fmt: skip
        for mode in (["--offline"], []):
            # A folder without a project above it: the settings in pyproject.toml are those of the tool's environment.
            done = subprocess.run(
                [*command, *mode], cwd=Path(folder).anchor, env=variables | {"UV_PYTHON_DOWNLOADS": "never"},
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode == 0:
                return
            shutil.rmtree(target, ignore_errors=True)
    _raise(done.stderr, shown)


def _raise(output: str, shown: str) -> None:
    reason = " ".join(output.replace(str(Path.home()), "~").split())[-600:]
    if _UNAVAILABLE.search(output) and not _WRONG_HASH.search(output):
        raise PackagesUnavailable(
            f"{shown}: its packages could not be downloaded or installed: {reason}\n"
            "check the network and try again; UV_DEFAULT_INDEX names a mirror, HTTPS_PROXY, SSL_CERT_FILE are honoured"
        )
    if _WRONG_HASH.search(output):
        allowed = "what the lock names; the index serves something else under that name: don't use it"
    elif _INCOMPLETE.search(output) and "wheel" not in output:
        allowed = "every package that is needed, with version and hashes; lock again: scripts/estate lock"
    else:
        allowed = "packages with a wheel for it, and nothing is built; take another version, package or compute:runtime"
    raise InvalidConfiguration([Problem(where=shown, value="not installable", allowed=f"{allowed}. uv: {reason}")])


def installed(folder: Path, shown: str) -> Mapping[str, Path]:
    """Return the files of the wheels installed in a folder, by name, without the installer's own files.

    Raises InvalidConfiguration when two wheels have different files of one name: one overwrites the other.
    """
    hashes: dict[str, str] = {}
    twice: set[str] = set()
    for record in folder.glob("*.dist-info/RECORD"):
        with record.open(encoding="utf-8", newline="") as lines:
            twice |= {name for name, digest, *_ in csv.reader(lines) if hashes.setdefault(name, digest) != digest}
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    files = {name: path for name, path in files.items() if not _is_left_out(name, path)}
    if both := sorted(twice & files.keys()):
        allowed = "packages that don't overwrite each other's files"
        raise InvalidConfiguration([Problem(where=shown, value=name, allowed=allowed) for name in both])
    return files


def _is_left_out(name: str, path: Path) -> bool:
    *folders, last = name.split("/")
    if not folders:
        return last == ".lock"
    if "__pycache__" in folders or (".dist-info" in folders[0] and last in _OF_INSTALLATION):
        return True
    # A script with the path of the Python that installed it.
    return folders == ["bin"] and path.read_bytes()[:2] == b"#!"
