"""The official release of the engine: an archive, believed only when it is what the release's checksum file says."""

from __future__ import annotations

import hashlib
import http.client
import os
import platform
import re
import tarfile
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from estate_tool.errors import Failed
from estate_tool.setup.report import Report

# Where Pulumi's own installer takes the archives from; ESTATE_PULUMI_RELEASES names a mirror of that folder.
BASE = "https://get.pulumi.com/releases/sdk"
ANSWER_WITHIN = 5.0  # seconds, for the checksum file: tells whether the place can be reached at all
STALLED_AFTER = 30.0  # seconds without a byte of the archive
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def fetch(version: str, programs: Sequence[str], folder: Path, report: Report) -> None:
    """Put `programs` of the release `version` into `folder`. Raises `Failed` where that can't be done."""
    base = (os.environ.get("ESTATE_PULUMI_RELEASES") or BASE).rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise Failed(f"ESTATE_PULUMI_RELEASES is not an http address: {base}")
    name = (
        f"pulumi-v{version}-{platform.system().lower()}-{_MACHINES.get(platform.machine().lower(), 'unknown')}.tar.gz"
    )
    expected = _checksum_of(name, _get_soon(f"{base}/pulumi-{version}-checksums.txt"))
    report.line(f"set-up: downloading the Pulumi engine {version} from {base}")
    archive = folder / name
    try:
        actual = _download(f"{base}/{name}", archive, report)
        if actual != expected:
            raise Failed(f"{base}/{name} is not what its checksum file says: SHA-256 {actual}, not {expected}")
        _extract(archive, programs, folder)
    finally:
        archive.unlink(missing_ok=True)


def _get_soon(address: str) -> str:
    """The text at `address`, within ANSWER_WITHIN; in a thread, as the resolving of names knows no time limit."""
    answer: list[bytes] = []
    problem: list[Exception] = []

    def get() -> None:
        try:
            with urllib.request.urlopen(address, timeout=ANSWER_WITHIN) as response:
                answer.append(response.read(1_000_000))
        except (OSError, http.client.HTTPException) as error:
            problem.append(error)

    thread = threading.Thread(target=get, daemon=True)
    thread.start()
    thread.join(ANSWER_WITHIN)
    if answer:
        return answer[0].decode(errors="replace")
    reason = str(problem[0]) if problem else f"no answer within {ANSWER_WITHIN:.0f} s"
    plain = re.sub("^<urlopen error (.*)>$", r"\1", reason)
    raise Failed(f"{address} can't be reached: {plain}")


def _checksum_of(name: str, checksums: str) -> str:
    for line in checksums.splitlines():
        digest, _, file = line.partition(" ")
        if file.strip().lstrip("*") == name:
            return digest.lower()
    raise Failed(f"the release has no archive for this machine: {name} is not in its checksum file")


def _download(address: str, to: Path, report: Report) -> str:
    """Stream `address` into the file `to`; its SHA-256."""
    digest = hashlib.sha256()
    done = 0
    try:
        with urllib.request.urlopen(address, timeout=STALLED_AFTER) as response, to.open("wb") as file:
            size = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(1 << 20):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                report.moving(f"set-up: downloading the engine · {done >> 20} of {size >> 20 or '?'} MB")
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"downloading {address} stopped after {done >> 20} MB: {error}") from error
    return digest.hexdigest()


def _extract(archive: Path, programs: Sequence[str], folder: Path) -> None:
    """Only regular files with the names that are wanted, whatever else the archive holds."""
    missing = set(programs)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                content = tar.extractfile(member) if member.isfile() and name in missing else None
                if content:
                    missing.remove(name)
                    target = folder / name
                    with target.open("wb") as file:
                        while chunk := content.read(1 << 20):
                            file.write(chunk)
                    target.chmod(0o755)
    except (tarfile.TarError, EOFError) as error:
        raise Failed(f"the release archive can't be read: {error}") from error
    if missing:
        raise Failed(f"the release archive holds no {', '.join(sorted(missing))}")
