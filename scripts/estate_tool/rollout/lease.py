"""One rollout or teardown of a real environment at a time, from any machine: a lease in the backend.

The lease is a tag of the first layer's stack, which file, bucket and service backends keep alike, and which none of
them can set on condition that it is not there. So it is read again, when what another command may have written at the
same time is there for certain, before anything is touched, and after each layer: the last to write has it, others stop.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import Failed
from estate_tool.core.paths import home
from estate_tool.engine import backend, provenance
from estate_tool.engine.checkpoint import LEASE_TAG
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from estate_tool.engine.cli import Pulumi

_VERSION = "1"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
# As long as another one may take from reading that there is no lease until its own is written.
_SETTLE_SECONDS = 2.0
_POLL_SECONDS = 3.0
_SECONDS_PER_MINUTE, _MINUTES_PER_HOUR = 60, 60


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A command that has an environment: `home` identifies its state folder, `number` its run."""

    number: str
    home: str
    since: str
    process: str
    who: str
    doing: str

    def __str__(self) -> str:
        """Return the value of the tag, which Pulumi's service limits to 256 characters."""
        return f"{_VERSION} {self.number} {self.home} {self.since} {self.process} {self.who} {self.doing}"

    @classmethod
    def own(cls, doing: str) -> Lease:
        """Return the lease of this process."""
        return cls(
            number=uuid.uuid4().hex[:12], home=_identity(), since=datetime.now(UTC).strftime(_TIME),
            process=str(os.getpid()), who=provenance.user(), doing=doing,
        )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Lease | None:
        """Return the lease in a tag's value, of whatever version; None where there is none."""
        if not text:
            return None
        version, *words = text.split(" ", 6)
        if version != _VERSION or len(words) != 6:
            return cls(number=text, home="", since="", process="", who="another version of this tool", doing=text)
        return cls(**dict(zip(("number", "home", "since", "process", "who", "doing"), words, strict=True)))

    @property
    def text(self) -> str:
        """The holder and the lease's age, for a person."""
        process = f", process {self.process}" if self.process else ""
        return f"{self.who} ({self.doing}{process}){self._age()}"

    def _age(self) -> str:
        with contextlib.suppress(ValueError):
            age = datetime.now(UTC) - datetime.strptime(self.since, _TIME).replace(tzinfo=UTC)
            minutes = max(0, int(age.total_seconds())) // _SECONDS_PER_MINUTE
            hours, rest = divmod(minutes, _MINUTES_PER_HOUR)
            return f" since {self.since}, for {f'{hours} h ' if hours else ''}{rest} min"
        return ""

    def to_dict(self) -> dict[str, Any]:
        """Return `held_by` of `estate status --json`."""
        return {"who": self.who, "doing": self.doing, "process": self.process, "since": self.since, "text": self.text}


@contextlib.contextmanager
def held(
    pulumi: Pulumi, doing: str, *, new: bool, wait: bool, say: Callable[[str], None]
) -> Iterator[Callable[[], None]]:
    """Hold the environment while `doing` it; raise Failed, or with `wait` wait, while another one does.

    Yields a check that raises Failed when the lease is lost: to be called before anything is touched, after each layer,
    and after a person was asked. The machine's own lock (rollout.lock) has to be held. An environment without a stack
    has no lease, unless it may be a `new` one, whose first stack is made then.
    """
    own = Lease.own(doing)
    made = _take(pulumi, own, new, wait, say)
    settled = time.monotonic() + _SETTLE_SECONDS

    def check() -> None:
        time.sleep(max(0.0, settled - time.monotonic()))
        _require(pulumi, own, new)

    try:
        yield check
    finally:
        _end(pulumi, own, made, say)


def breaking(environment: str) -> str:
    """Return the command that breaks a lease."""
    return f"scripts/estate pulumi stack tag rm {LEASE_TAG} --stack {environment} --cwd {LAYER_NAMES[0]}"


def _take(pulumi: Pulumi, own: Lease, new: bool, wait: bool, say: Callable[[str], None]) -> bool:
    """Write our lease where there is none; return whether the stack was made for it."""
    reported, made = "", False
    while True:
        found = pulumi.lease()
        if found is None and not new:
            return False
        if found is None:
            made = _make_stack(pulumi)
            continue
        holder = Lease.parse(found)
        if holder is None or holder.home == own.home:
            if holder:  # of one process at a time on this machine, which is us
                say(f"freed the lease of {holder.text}: it has ended")
            pulumi.keep_lease(str(own))
            return made
        if not wait:
            raise Failed(
                f"environment {pulumi.stack} is taken by {holder.text}; nothing was touched",
                "wait for it to end, and run the same command again; or add --wait\n"
                f"only if you know that it runs no more: {breaking(pulumi.stack)}",
            )
        if holder.number != reported:
            say(f"waiting for {holder.text}")
            reported = holder.number
        time.sleep(_POLL_SECONDS)


def _make_stack(pulumi: Pulumi) -> bool:
    """Make the first layer's stack; return False where another one has made it meanwhile."""
    backend.refuse_former_names(pulumi, pulumi.stacks())
    try:
        pulumi.create_stack(LAYER_NAMES[0])
    except Failed:
        if pulumi.lease() is None:
            raise
        return False
    return True


def _require(pulumi: Pulumi, own: Lease, new: bool) -> None:
    found = pulumi.lease()
    holder = Lease.parse(found or "")
    # A teardown takes the stack, and the lease with it.
    if holder == own or (found is None and not new):
        return
    to = f"taken by {holder.text}" if holder else "broken"
    raise Failed(
        f"the lease on {pulumi.stack} was {to} while this command had it: no layer was touched after that",
        "make sure that no other command works on it, then run the same command again",
    )


def _end(pulumi: Pulumi, own: Lease, made: bool, say: Callable[[str], None]) -> None:
    """Remove our lease, and a stack made for it in which there is nothing."""
    try:
        if Lease.parse(pulumi.lease() or "") != own:
            return
        first = LAYER_NAMES[0]
        if made and not pulumi.stacks().get(first):
            pulumi.remove_stack(first)
        else:
            pulumi.end_lease()
    except Failed as error:
        say(f"the lease on {pulumi.stack} stays: {error.message}\n  → remove it: {breaking(pulumi.stack)}")


def _identity() -> str:
    """Return an identity of this machine's state folder, which copies of it don't share."""
    path = home() / "rollouts" / "identity"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
        file.write(uuid.uuid4().hex)
    place = (path.read_text(encoding="utf-8"), socket.gethostname(), str(path.resolve()))
    return hashlib.sha256("\n".join(place).encode()).hexdigest()[:12]
