"""Status of an embedded AWS: the record its supervisor left, and what its port answers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.core.embedded import credentials, ports, record

if TYPE_CHECKING:
    from estate_tool.core.embedded.place import LocalAwsPaths


@dataclass(frozen=True, kw_only=True)
class Status:
    """Status of the embedded AWS. `problem` is for people and empty when all is well.

    `identity` differs for one that was started anew with nothing in it.
    """

    running: bool
    answering: bool
    port: int
    pid: int | None = None
    uptime_seconds: float | None = None
    problem: str = ""
    identity: str = ""
    resources: dict[str, int] = field(default_factory=dict)


def status(place: LocalAwsPaths) -> Status:
    """Return the status by the record and by the port's answer."""
    found = record.read(place.folder)
    if found is None or not found.alive:
        reason = found.ended or "it was killed, or the machine was restarted" if found else ""
        problem = f"it stopped by itself: {reason}" if reason else ""
        return Status(running=False, answering=False, port=place.port, problem=problem)
    # It is ours and lives: on a busy machine, with thousands of events under way, it may take a while to answer.
    answer = ports.ask(found.port, credentials.read(place.home), timeout=10)
    problem = ""
    if found.port != place.port:
        problem = f"it runs on port {found.port}, and ESTATE_PORT is {place.port}"
    elif answer is None:
        problem = f"port {found.port} does not answer"
    elif not knows_us(answer):
        problem = f"it does not know the credentials in {place.home / credentials.FILE}"
    elif answer["save_error"]:
        problem = f"its state can't be saved: {answer['save_error']}"
    known = answer if answer and knows_us(answer) else {}
    return Status(
        running=True, answering=bool(known) and found.port == place.port, port=found.port, pid=found.pid,
        uptime_seconds=time.time() - found.started, problem=problem,
        identity=known.get("identity", ""), resources=known.get("resources", {}),
    )  # fmt: skip


def knows_us(answer: dict[str, Any]) -> bool:
    """True if the answer is the one for the administrator."""
    return "identity" in answer
