"""The official release of the engine: an archive, used only when it has the hash that stands in this repository."""

from __future__ import annotations

import hashlib
import http.client
import os
import platform
import re
import shutil
import tarfile
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path, PurePosixPath
from typing import Any

from estate_tool.console.progress import say, shown
from estate_tool.core.errors import Failed
from estate_tool.setup.environments import PINS

# Where Pulumi's own installer takes the archives from; ESTATE_PULUMI_RELEASES names a mirror of that folder.
BASE = "https://get.pulumi.com/releases/sdk"
SCHEME = "https://"
HASHES = PINS / "pulumi.txt"
ANSWER_WITHIN = 5.0  # seconds, for the first answer of the server
STALLED_AFTER = 30.0  # seconds without a byte of the archive
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_LINE = re.compile(r"(?P<digest>[0-9a-f]{64}) [ *](?P<file>pulumi-v[0-9A-Za-z.-]+\.(?:tar\.gz|zip))")


def fetch(version: str, programs: Sequence[str], folder: Path) -> None:
    """Put `programs` of the release `version` into `folder`; raise `Failed` with the reason."""
    base, machine = _base(), _MACHINES.get(platform.machine().lower(), "unknown")
    name = f"pulumi-v{version}-{platform.system().lower()}-{machine}.tar.gz"
    expected = known_hashes().get(name)
    if expected is None:
        raise Failed(f"{name} is not downloaded: {HASHES.parent.name}/{HASHES.name} has no hash of it")
    answer = _open_soon(f"{base}/{name}")
    say(f"set-up: downloading the Pulumi engine {version} from {base}")
    archive = folder / name
    try:
        actual = _download(answer, archive)
        if actual != expected:
            raise Failed(
                f"{base}/{name} is not the archive that {HASHES.parent.name}/{HASHES.name} names: SHA-256 {actual}, "
                f"not {expected}"
            )
        _extract(archive, programs, folder)
    finally:
        archive.unlink(missing_ok=True)


def pin(version: str) -> None:
    """Write the hashes of a release, as its own checksum file has them, into the repository, for a person to review."""
    address = f"{_base()}/pulumi-{version}-checksums.txt"
    with _open_soon(address) as answer:
        found = _hashes(answer.read(1_000_000).decode(errors="replace"))
    if not found:
        raise Failed(f"{address} names no archive")
    comments = [line for line in HASHES.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    pinned = [f"{digest}  {file}" for file, digest in sorted(found.items())]
    HASHES.write_text("\n".join([*comments, *pinned]) + "\n", encoding="utf-8")
    say(f"{len(pinned)} hashes of {version} stand in {HASHES}: compare them with another source")


def known_hashes() -> dict[str, str]:
    """Return the hashes in the repository by the name of the archive."""
    return _hashes(HASHES.read_text(encoding="utf-8"))


def _hashes(text: str) -> dict[str, str]:
    """Return the hashes in a checksum file by the name of the archive."""
    return {match["file"]: match["digest"] for line in text.splitlines() if (match := _LINE.fullmatch(line))}


def _base() -> str:
    base = (os.environ.get("ESTATE_PULUMI_RELEASES") or BASE).rstrip("/")
    if not base.startswith(SCHEME):
        raise Failed(f"ESTATE_PULUMI_RELEASES is not an {SCHEME} address: {base}")
    return base


class _OnlySafe(urllib.request.HTTPRedirectHandler):
    """Redirections, but none to another scheme."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Refuse an address without HTTPS."""
        if not newurl.startswith(SCHEME):
            raise urllib.error.URLError(f"it leads to {newurl}, which is not an {SCHEME} address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open_soon(address: str) -> Any:
    """Return the answer of `address`, begun within ANSWER_WITHIN. A thread, as resolving a name knows no time limit."""
    answer: Future[Any] = Future()

    def get() -> None:
        try:
            answer.set_result(urllib.request.build_opener(_OnlySafe).open(address, timeout=STALLED_AFTER))
        except (OSError, http.client.HTTPException) as error:
            answer.set_exception(error)

    threading.Thread(target=get, daemon=True).start()
    try:
        return answer.result(ANSWER_WITHIN)
    except (OSError, http.client.HTTPException) as error:
        reason = re.sub("^<urlopen error (.*)>$", r"\1", str(error)) or f"no answer within {ANSWER_WITHIN:.0f} s"
        raise Failed(f"{address} can't be reached: {reason}") from error


def _download(answer: Any, to: Path) -> str:
    """Stream the answer into the file `to`; return its SHA-256."""
    digest = hashlib.sha256()
    done = 0
    try:
        with answer as response, to.open("wb") as file, shown("set-up: downloading the engine") as show:
            size = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(1 << 20):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                show(f"set-up: downloading the engine · {done >> 20} of {size >> 20 or '?'} MB")
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"downloading {answer.url} stopped after {done >> 20} MB: {error}") from error
    return digest.hexdigest()


def _extract(archive: Path, programs: Sequence[str], folder: Path) -> None:
    """Extract the regular files with the wanted names; leave the rest of the archive out."""
    missing = set(programs)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                content = tar.extractfile(member) if member.isfile() and name in missing else None
                if content:
                    missing.remove(name)
                    with (folder / name).open("wb") as file:
                        shutil.copyfileobj(content, file)
                    (folder / name).chmod(0o755)
    except (tarfile.TarError, EOFError) as error:
        raise Failed(f"the release archive can't be read: {error}") from error
    if missing:
        raise Failed(f"the release archive holds no {', '.join(sorted(missing))}")
