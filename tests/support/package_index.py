"""A package index on the loopback interface, with wheels made by the tests."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import zipfile
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from estate_tool.core import paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ANY = "py3-none-any"
ARM = "cp313-cp313-manylinux_2_17_aarch64.manylinux2014_aarch64"
INTEL = "cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64"


def wheel(name: str, version: str, files: Mapping[str, str], *, needs: str = "", entry: str = "") -> bytes:
    """Return a wheel with these files; `needs` is a requirement of it, `entry` a command, as `tool = module:main`."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {needs}\n" if needs else ""
    )
    content = {**files, f"{info}/METADATA": metadata, f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"}
    if entry:
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{entry}\n"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
        digests = {
            path: urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()
            for path, text in content.items()
        }
        record = "".join(f"{path},sha256={digest},\n" for path, digest in digests.items())
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return file.getvalue()


class Index:
    """The wheels of an index by file name; `failures` counts down the requests that are answered with 503."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.failures = 0
        self.url = ""

    def add(
        self, name: str, version: str, files: Mapping[str, str], *tags: str, needs: str = "", entry: str = ""
    ) -> str:
        """Publish wheels with these tags; return the line of a lock file that names them."""
        hashes = ""
        for tag in tags or (ANY,):
            content = wheel(name, version, {**files, f"{name}/_built_for": tag}, needs=needs, entry=entry)
            self.files[f"{name}-{version}-{tag}.whl"] = content
            hashes += f" --hash=sha256:{sha256(content).hexdigest()}"
        return f"{name}=={version}{hashes}\n"

    def answer(self, path: str) -> bytes | None:
        """Return the content of a page or file; None for what is not there."""
        kind, _, rest = path.strip("/").partition("/")
        if kind == "files":
            return self.files.get(rest)
        found = {name: content for name, content in self.files.items() if name.startswith(f"{rest}-")}
        hashes = {name: sha256(content).hexdigest() for name, content in found.items()}
        links = [f'<a href="/files/{name}#sha256={digest}">{name}</a>\n' for name, digest in hashes.items()]
        return "".join(links).encode() if links else None


def built_elsewhere(source: Path, folder: Path, *, umask: int) -> bytes:
    """Return the package of READ, made from a copy of the sources with a cache, umask and time zone of its own.

    Downloaded wheels are shared.
    """
    program = (
        "import sys, pathlib; from compute.packaging import build; from tests.support.declarations import READ;"
        "sys.stdout.buffer.write(build(READ, 'python3.13', pathlib.Path(sys.argv[1])).read_bytes())"
    )
    subprocess.run(["cp", "-R", str(source), str(folder)], check=True, umask=umask)
    environ = {
        "UV_CACHE_DIR": str(paths.cache() / "packages"), **os.environ, "ESTATE_CACHE": str(folder / "cache"),
        "TZ": f"XYZ{umask % 12}", "PYTHONPATH": str(paths.ROOT),
    }  # fmt: skip
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(command, env=environ, umask=umask, cwd=folder, capture_output=True, check=True).stdout


@contextmanager
def serving() -> Iterator[Index]:
    """Serve an index until the end of the block."""
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = index.answer(self.path)
            code = 503 if index.failures > 0 else 200 if content is not None else 404
            index.failures -= index.failures > 0
            self.send_response(code)
            self.send_header("Content-Type", "application/octet-stream" if ".whl" in self.path else "text/html")
            self.send_header("Content-Length", str(len(content or b"") if code == 200 else 0))
            self.end_headers()
            if code == 200 and content is not None and self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 – as the base class calls it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
