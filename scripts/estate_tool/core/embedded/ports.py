"""Ports of this machine: free or taken, and by which process."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from estate_tool.core.embedded.credentials import Credentials
from estate_tool.core.embedded.signature import Request, sign

HOST = "127.0.0.1"
STATUS_PATH = "/_estate/status"
# Linux gives connections ports from 32768 on, macOS from 49152 on.
_NOT_EPHEMERAL = (20000, 32000)


def is_free(port: int) -> bool:
    """Return True if this process could listen on the port of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    # BSD lets a loopback address be bound beside somebody's wildcard one; the one that answers owns the port.
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) != 0


def free_port() -> int:
    """Return a port that is free, and that no outgoing connection will take meanwhile."""
    for _ in range(100):
        port = random.randrange(*_NOT_EPHEMERAL)
        if is_free(port):
            return port
    raise OSError("no free port found")


def ask(port: int, administrator: Credentials | None = None, timeout: float = 2.0) -> dict[str, Any] | None:
    """Return the status of an embedded AWS on this port, in full for its administrator; None where none answers.

    To an administrator that it does not know it reports no more than to anybody.
    """
    host = f"{HOST}:{port}"
    signed = {}
    if administrator:
        request = Request("GET", STATUS_PATH, "", [("host", host)])
        signed = sign(administrator, request, "us-east-1", "estate")
    status = _get(port, {"Host": host} | signed, timeout)
    return status or (_get(port, {"Host": host}, timeout) if administrator else None)


def _get(port: int, headers: dict[str, str], timeout: float) -> dict[str, Any] | None:
    answer = b""
    lines = [
        f"GET {STATUS_PATH} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        "Connection: close",
    ]
    try:
        # By hand: http.client takes longer to load than all the rest of a command that finds everything in order.
        with socket.create_connection((HOST, port), timeout) as connection:
            connection.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
            while part := connection.recv(65536):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        status = json.loads(body) if head.split()[1:2] == [b"200"] else None
    except (OSError, ValueError):
        return None
    return status if isinstance(status, dict) and "home" in status else None


def listener(port: int) -> str:
    """Return the process that listens on the port, as "name (PID 12)"; empty when this user can't know."""
    if Path("/proc/net/tcp").exists():
        return _listener_in_proc(port)
    return _listener_by_lsof(port)


def _listener_in_proc(port: int) -> str:
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if any(str(descriptor.readlink()) in sockets for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (PID {process.name})"
    return ""


def _listening_inodes(port: int) -> list[str]:
    inodes = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                local, state, inode = fields[1], fields[3], fields[9]
                if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                    inodes.append(inode)
    return inodes


def _listener_by_lsof(port: int) -> str:
    if shutil.which("lsof") is None:
        return ""
    command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)
        found = {line[0]: line[1:] for line in done.stdout.splitlines() if line}
        if "p" in found:
            return f"{found.get('c', 'a process')} (PID {found['p']})"
    return ""
