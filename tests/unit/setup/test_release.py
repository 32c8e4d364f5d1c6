from __future__ import annotations

import hashlib
import io
import platform
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.errors import Failed
from estate_tool.setup import release

if TYPE_CHECKING:
    from tests.unit.setup.conftest import Said

PROGRAMS = ("pulumi", "pulumi-language-python")
VERSION = "3.259.0"


class Place:
    """A folder of releases on loopback: `files` by name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        place = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = place.files.get(self.path.rsplit("/", 1)[-1])
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class names it
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/sdk"

    def publish(self, archive: bytes, digest: str | None = None) -> None:
        """A release that holds `archive`, with a checksum file that says `digest` of it."""
        machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x64"
        name = f"pulumi-v{VERSION}-{platform.system().lower()}-{machine}.tar.gz"
        digest = digest or hashlib.sha256(archive).hexdigest()
        checksums = f"{'0' * 64}  pulumi-v{VERSION}-plan9-x64.tar.gz\n{digest}  {name}\n"
        self.files = {name: archive, f"pulumi-{VERSION}-checksums.txt": checksums.encode()}


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
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = Place()
    monkeypatch.setenv("ESTATE_PULUMI_RELEASES", place.address + "/")
    yield place
    place.server.shutdown()
    place.server.server_close()


def test_the_programs_that_are_wanted_come_out_of_the_archive_and_can_be_started(
    place: Place, tmp_path: Path, said: Said
) -> None:
    place.publish(GOOD)
    release.fetch(VERSION, PROGRAMS, tmp_path, said)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "pulumi": "engine",
        "pulumi-language-python": "host",
    }
    assert all(path.stat().st_mode & 0o111 for path in tmp_path.iterdir())


def test_an_archive_that_is_not_what_the_checksum_file_says_is_refused_unopened(
    place: Place, tmp_path: Path, said: Said
) -> None:
    place.publish(GOOD, digest="a" * 64)
    with pytest.raises(Failed, match=f"not what its checksum file says: SHA-256 .*, not {'a' * 64}"):
        release.fetch(VERSION, PROGRAMS, tmp_path, said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (archive_of(**{"pulumi/pulumi": "engine"}), "holds no pulumi-language-python"),
        (GOOD[: len(GOOD) // 2], "can't be read"),
        (b"<html>", "can't be read"),
    ],
    ids=["incomplete", "cut short", "something else"],
)
def test_an_archive_without_what_is_wanted_is_refused(
    place: Place, tmp_path: Path, said: Said, archive: bytes, why: str
) -> None:
    place.publish(archive)
    with pytest.raises(Failed, match=why):
        release.fetch(VERSION, PROGRAMS, tmp_path, said)


def test_links_and_paths_in_an_archive_lead_nowhere(place: Place, tmp_path: Path, said: Said) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo("pulumi/pulumi")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
        for name in ("../../pulumi", "/pulumi-language-python"):
            tar.addfile(tarfile.TarInfo(name))
    place.publish(buffer.getvalue())
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    release.fetch(VERSION, PROGRAMS, folder, said)
    assert sorted(path.name for path in folder.iterdir()) == sorted(PROGRAMS)
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_release_without_an_archive_for_this_machine_says_so(place: Place, tmp_path: Path, said: Said) -> None:
    place.files = {f"pulumi-{VERSION}-checksums.txt": b"ab  pulumi-other.tar.gz\n"}
    with pytest.raises(Failed, match="no archive for this machine"):
        release.fetch(VERSION, PROGRAMS, tmp_path, said)


def test_a_release_that_is_not_there_is_named_by_its_address(place: Place, tmp_path: Path, said: Said) -> None:
    with pytest.raises(Failed, match=f"{place.address}/pulumi-{VERSION}-checksums.txt can't be reached: .*404"):
        release.fetch(VERSION, PROGRAMS, tmp_path, said)


def test_a_place_that_does_not_answer_is_given_up_soon(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert release.ANSWER_WITHIN <= 5
    monkeypatch.setattr(release, "ANSWER_WITHIN", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("ESTATE_PULUMI_RELEASES", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(Failed, match="can't be reached"):
            release.fetch(VERSION, PROGRAMS, tmp_path, said)
        assert time.monotonic() - began < 3


def test_only_http_addresses_are_taken(tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_PULUMI_RELEASES", "file:///etc")
    with pytest.raises(Failed, match="not an http address"):
        release.fetch(VERSION, PROGRAMS, tmp_path, said)
