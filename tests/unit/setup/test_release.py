"""The official release, from a server on loopback."""

from __future__ import annotations

import hashlib
import io
import platform
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from estate_tool.core.errors import Failed
from estate_tool.setup import engine, release

PROGRAMS = ("pulumi", "pulumi-language-python")
VERSION = "3.259.0"


class ReleaseServer:
    """A folder of releases on loopback: `files` by name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.name = f"pulumi-v{VERSION}"
        self.asked: list[str] = []
        self.elsewhere = ""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                content = server.files.get(self.path.rsplit("/", 1)[-1])
                self.send_response(302 if server.elsewhere else 404 if content is None else 200)
                if server.elsewhere:
                    self.send_header("Location", server.elsewhere)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class names it
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/sdk"

    def publish(self, archive: bytes, digest: str | None = None) -> None:
        """A release that holds `archive`, and a repository that knows `digest` of it."""
        machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x64"
        name = f"pulumi-v{VERSION}-{platform.system().lower()}-{machine}.tar.gz"
        digest = digest or hashlib.sha256(archive).hexdigest()
        checksums = f"{'0' * 64}  pulumi-v{VERSION}-plan9-x64.tar.gz\n{digest}  {name}\n"
        self.name, self.files = name, {name: archive, f"pulumi-{VERSION}-checksums.txt": checksums.encode()}
        release.HASHES.write_text(f"# hashes\n{checksums}")


def archive_of(**members: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content.encode()))
    return buffer.getvalue()


GOOD = archive_of(
    **{"pulumi/pulumi": "engine", "pulumi/pulumi-language-python": "host", "pulumi/pulumi-language-go": "no"}
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReleaseServer]:
    server = ReleaseServer()
    # Everything but the encryption of the connection is as it is outside of a test.
    monkeypatch.setattr(release, "SCHEME", "http://")
    monkeypatch.setattr(release, "HASHES", tmp_path_factory.mktemp("pins") / "pulumi.txt")
    monkeypatch.setenv("ESTATE_PULUMI_RELEASES", server.address + "/")
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_the_programs_that_are_wanted_come_out_of_the_archive_and_can_be_started(
    server: ReleaseServer, tmp_path: Path
) -> None:
    server.publish(GOOD)
    release.fetch(VERSION, PROGRAMS, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "pulumi": "engine",
        "pulumi-language-python": "host",
    }
    assert all(path.stat().st_mode & 0o111 for path in tmp_path.iterdir())


def test_an_archive_without_the_pinned_hash_is_refused_unopened(server: ReleaseServer, tmp_path: Path) -> None:
    server.publish(GOOD, digest="a" * 64)
    with pytest.raises(Failed, match=f"SHA-256 {hashlib.sha256(GOOD).hexdigest()}, not {'a' * 64}"):
        release.fetch(VERSION, PROGRAMS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def redirected(server: ReleaseServer) -> None:
    server.publish(GOOD)
    server.elsewhere = "ftp://mirror.example/pulumi.tar.gz"


def withdrawn(server: ReleaseServer) -> None:
    server.publish(GOOD)
    server.files = {}


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (lambda server: server.publish(archive_of(**{"pulumi/pulumi": "engine"})), "holds no pulumi-language-python"),
        (lambda server: server.publish(GOOD[: len(GOOD) // 2]), "can't be read"),
        (lambda server: server.publish(b"<html>"), "can't be read"),
        (redirected, r"leads to ftp://mirror\.example"),
        (withdrawn, r"http://127\.0\.0\.1:\d+/sdk/pulumi-v.*gz can't be reached: .*404"),
    ],
    ids=["incomplete", "cut short", "something else", "another scheme", "not there"],
)
def test_a_release_that_is_not_as_it_should_be_is_refused(
    server: ReleaseServer, tmp_path: Path, prepare: Callable[[ReleaseServer], None], why: str
) -> None:
    prepare(server)
    with pytest.raises(Failed, match=why):
        release.fetch(VERSION, PROGRAMS, tmp_path)
    assert not list(tmp_path.glob("*.gz"))


def test_links_and_paths_in_an_archive_lead_nowhere(server: ReleaseServer, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo("pulumi/pulumi")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
        for name in ("../../pulumi", "/pulumi-language-python"):
            tar.addfile(tarfile.TarInfo(name))
    server.publish(buffer.getvalue())
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    release.fetch(VERSION, PROGRAMS, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(PROGRAMS)
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    "known", ["", "# none\n", f"{'a' * 64}  pulumi-other.tar.gz\n", "abc  NAME\n", f"{'A' * 64}  NAME\n"]
)
def test_an_archive_whose_hash_the_repository_does_not_have_is_not_asked_for(
    server: ReleaseServer, tmp_path: Path, known: str
) -> None:
    server.publish(GOOD)
    release.HASHES.write_text(known.replace("NAME", server.name))
    # Not even the checksum file beside the archive is believed: who can change one can change the other.
    with pytest.raises(Failed, match=r"pulumi\.txt has no hash of it"):
        release.fetch(VERSION, PROGRAMS, tmp_path)
    assert server.asked == []


def test_hashes_are_taken_over_from_a_release_and_then_hold(server: ReleaseServer, tmp_path: Path) -> None:
    server.publish(GOOD)
    release.HASHES.write_text("# ours\n" + f"{'b' * 64}  {server.name}\n")
    release.pin(VERSION)
    assert release.HASHES.read_text().splitlines()[0] == "# ours"
    assert len(release.HASHES.read_text().splitlines()) == 3
    release.fetch(VERSION, PROGRAMS, tmp_path)
    assert (tmp_path / "pulumi").read_text() == "engine"


def test_the_file_of_hashes_in_the_repository_is_whole() -> None:
    lines = release.HASHES.read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert len(release.known_hashes()) == len(pinned)
    assert all(f"pulumi-v{engine.VERSION}-" in line for line in pinned)


def test_a_place_that_does_not_answer_is_given_up_soon(
    server: ReleaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(GOOD)
    assert release.ANSWER_WITHIN <= 5
    monkeypatch.setattr(release, "ANSWER_WITHIN", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("ESTATE_PULUMI_RELEASES", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(Failed, match="can't be reached"):
            release.fetch(VERSION, PROGRAMS, tmp_path)
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "address", ["http://mirror.example/sdk", "file:///etc", "ftp://mirror.example", "HTTP://x", "mirror"]
)
def test_only_https_addresses_are_taken(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_PULUMI_RELEASES", address)
    for asked in (lambda: release.fetch(VERSION, PROGRAMS, tmp_path), lambda: release.pin(VERSION)):
        with pytest.raises(Failed, match=f"not an https:// address: {address}"):
            asked()
