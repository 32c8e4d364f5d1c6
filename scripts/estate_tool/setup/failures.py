"""Turns what the operating system and the tools say into messages that name the cause and the way out."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from estate_tool.core import paths
from estate_tool.core.errors import EstateError, Failed

ELSEWHERE = "ESTATE_CACHE names the cache folder; it may lie anywhere you can write"

# What uv, pip and go print for the same few causes; the first pattern that is found decides.
_CAUSES = [
    (
        re.compile(r"no space left|os error 28\b|disk quota", re.I),
        "no space left on the disk",
        f"free some space and run the same command again\n{ELSEWHERE}",
    ),
    (
        re.compile(r"signal: killed|out of memory|cannot allocate memory", re.I),
        "the machine has too little memory",
        "it takes about 2 GB; end other programs, or use a machine with more",
    ),
    (
        re.compile(r"permission denied|os error 13\b|read-only file system|os error 30\b", re.I),
        "no permission to write",
        f"make the checkout and the cache folder writable for you\n{ELSEWHERE}",
    ),
    (
        re.compile(r"hash mismatch|do not match the hashes|checksum mismatch|security error", re.I),
        "a download has not the hash that the lock file names",
        "do not use it; try again, and ask who runs the registry or proxy in between if it stays",
    ),
    (
        re.compile(
            r"dns error|error sending request|tcp connect|connect(ion)? (refused|reset|error)|timed? ?out"
            r"|name resolution|no such host|network is unreachable|failed to establish|proxyerror|network connectivity"
            r"|certificate",
            re.I,
        ),
        "the package registry can't be reached",
        """check the network and run the same command again; what is already there is kept
behind a proxy, HTTPS_PROXY and SSL_CERT_FILE are honoured; UV_DEFAULT_INDEX (Python) and GOPROXY (Go) name a mirror""",
    ),
]


def explain(doing: str, output: str, log: Path) -> Failed:
    """The error for a tool that failed while `doing` something and printed `output`, all of which is in `log`."""
    for pattern, cause, hint in _CAUSES:
        if pattern.search(output):
            return Failed(f"{doing}: {cause}", f"{hint}\nthe whole output: {log}")
    said = [line for line in output.splitlines() if line.strip()][-6:]
    return Failed("\n  ".join([f"{doing} failed:", *said]), f"the whole output: {log}")


@contextmanager
def writing(what: str, folder: Path) -> Iterator[None]:
    """Reports a failure to write `what` into `folder` as a message; other errors pass."""
    try:
        yield
    except EstateError:
        raise
    except OSError as error:
        raise _unwritable(what, Path(error.filename) if isinstance(error.filename, str) else folder, error) from error


def _unwritable(what: str, at: Path, error: OSError) -> Failed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space and run the same command again"
    else:
        hint = "make that folder writable for you"
    cache = paths.cache()
    if at.is_relative_to(cache) or cache.is_relative_to(at):
        hint += f"\n{ELSEWHERE}"
    return Failed(f"can't write {what}: {at}: {error.strerror or error}", hint)
