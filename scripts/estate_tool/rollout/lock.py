"""One rollout or teardown of an environment at a time.

On one machine by a lock of the kernel, which ends with its process; a real environment, which other machines may roll
out as well, also by a lease. The lease is a tag of the first layer's stack, which file, bucket and service backends
keep alike, and which none of them can set on the condition that it is absent. So it is read again before anything is
touched, when every tag that was written at the same time is there for certain, and after each layer: the last command
to write has the environment, the others stop.
"""

from __future__ import annotations

import contextlib
import fcntl
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
from estate_tool.core.text import span, utc_time
from estate_tool.engine import backend, provenance
from estate_tool.engine.checkpoint import LEASE_TAG
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from estate_tool.core.environment import Environment
    from estate_tool.engine.cli import Pulumi

_VERSION = "1"
_FIELDS = ("number", "home", "since", "process", "who", "doing")
# Longer than another command may take from reading that there is no lease until its own is written.
_SETTLE_SECONDS = 2.0
_LOCK_POLL_SECONDS, _LEASE_POLL_SECONDS = 0.5, 3.0


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A command that has an environment: `home` identifies its state folder, `number` its run."""

    number: str
    home: str = ""
    since: str = ""
    process: str = ""
    who: str = ""
    doing: str = ""

    def __str__(self) -> str:
        """Return the value of the tag, which Pulumi's service limits to 256 characters."""
        return " ".join([_VERSION, *(str(getattr(self, name)) for name in _FIELDS)])

    @classmethod
    def own(cls, doing: str) -> Holder:
        """Return this process as the holder."""
        return cls(
            number=uuid.uuid4().hex[:12], home=_identity(), since=utc_time(time.time()), process=str(os.getpid()),
            who=provenance.user(), doing=doing,
        )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Holder | None:
        """Return the holder in a tag's value, of whatever version; None where there is none."""
        if not text:
            return None
        version, *words = text.split(" ", len(_FIELDS))
        if version != _VERSION or len(words) != len(_FIELDS):
            return cls(number=text, who="another version of this tool", doing=text)
        return cls(**dict(zip(_FIELDS, words, strict=True)))

    @property
    def text(self) -> str:
        """The holder and its age, for a person."""
        process = f", process {self.process}" if self.process else ""
        since = ""
        with contextlib.suppress(ValueError):
            age = datetime.now(UTC) - datetime.fromisoformat(self.since)
            since = f" since {self.since}, for {span(max(0.0, age.total_seconds()))}"
        return f"{self.who} ({self.doing}{process}){since}"

    def to_dict(self) -> dict[str, Any]:
        """Return `held_by` of `estate status --json`."""
        return {"who": self.who, "doing": self.doing, "process": self.process, "since": self.since, "text": self.text}


@contextlib.contextmanager
def taken(
    target: Environment, doing: str, *, changes: bool, new: bool = False, wait: bool, say: Callable[[str], None]
) -> Iterator[tuple[Pulumi, Callable[[], None]]]:
    """Take the environment for one command; yield the engine and a check that raises Failed when it is lost.

    Raises Failed, or with `wait` waits, while another command has it. A command that `changes` nothing takes no lease;
    one that makes a `new` environment may begin with none. The check has to be made before anything is touched, after
    each layer, and after a person was asked.
    """
    from estate_tool.rollout import session

    with locked(target.name, doing, wait=wait, say=say) as own, session.ready(target) as pulumi:
        # A local environment lies in this machine's own state folder.
        if target.local or not changes:
            yield pulumi, lambda: None
            return
        with leased(pulumi, own, new=new, wait=wait, say=say) as check_lease:
            yield pulumi, check_lease


def _take(
    environment: str, attempt: Callable[[], Holder | None], wait: bool, say: Callable[[str], None], pause: float,
    hint: str = "",
) -> None:  # fmt: skip
    """Repeat an attempt to take the environment until it returns no holder; without `wait`, raise Failed at once."""
    reported = None
    while holder := attempt():
        if not wait:
            raise Failed(
                f"environment {environment} is taken by {holder.text}; nothing was touched",
                f"wait for it to end, and run the same command again; or add --wait{hint}",
                code="taken",
            )
        if holder != reported:
            say(f"waiting for {holder.text}")
            reported = holder
        time.sleep(pause)


@contextlib.contextmanager
def locked(environment: str, doing: str, *, wait: bool, say: Callable[[str], None]) -> Iterator[Holder]:
    """Hold the environment on this machine, as the holder that is yielded.

    Raises Failed, or with `wait` waits, while another process holds it.
    """

    def attempt() -> Holder | None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(handle, 4096, 0).decode(errors="replace")
            return Holder.parse(text) or Holder(number="", who="another process", doing="it has only just started")
        return None

    handle = os.open(_folder() / f"{environment}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(environment, attempt, wait, say, _LOCK_POLL_SECONDS)
        own = Holder.own(doing)
        # The kernel frees the lock, however this process ends; the content only names the holder.
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(own).encode(), 0)
        yield own
    finally:
        os.close(handle)


@contextlib.contextmanager
def leased(
    pulumi: Pulumi, own: Holder, *, new: bool, wait: bool, say: Callable[[str], None]
) -> Iterator[Callable[[], None]]:
    """Hold the lease of an environment; raise Failed, or with `wait` wait, while another machine has it.

    Yields the check that raises Failed when the lease is lost. This machine's own lock has to be held. An environment
    without a stack has no lease, unless it may be a `new` one, whose first stack is made then.
    """
    lease = _Lease(pulumi, own, new, say)
    breaking = f"\nonly if you know that it runs no more: {_breaking(pulumi.stack)}"
    _take(pulumi.stack, lease.attempt, wait, say, _LEASE_POLL_SECONDS, breaking)
    settled = time.monotonic() + _SETTLE_SECONDS

    def check() -> None:
        time.sleep(max(0.0, settled - time.monotonic()))
        lease.require()

    try:
        yield check
    finally:
        lease.end()


@dataclass
class _Lease:
    """The lease of one command; `made_stack` is True if the first layer's stack was made for it."""

    pulumi: Pulumi
    own: Holder
    new: bool
    say: Callable[[str], None]
    made_stack: bool = False

    def attempt(self) -> Holder | None:
        """Write the lease, unless another machine has it: return that holder."""
        found = self.pulumi.lease()
        if found is None:
            if not self.new:
                return None
            found = self._make_stack()
        holder = Holder.parse(found)
        if holder and holder.home != self.own.home:
            return holder
        if holder:  # of a process of this machine, of which there is one at a time: this one
            self.say(f"freed the lease of {holder.text}: it has ended")
        self.pulumi.keep_lease(str(self.own))
        return None

    def _make_stack(self) -> str:
        """Make the first layer's stack; return the lease in it, if another command has made it meanwhile."""
        backend.refuse_former_names(self.pulumi, self.pulumi.states())
        try:
            self.pulumi.create_stack(LAYER_NAMES[0])
        except Failed:
            found = self.pulumi.lease()
            if found is None:
                raise
            return found
        self.made_stack = True
        return ""

    def require(self) -> None:
        """Raise Failed when the lease is lost."""
        found = self.pulumi.lease()
        holder = Holder.parse(found or "")
        # A teardown removes the stack, and the lease with it.
        if holder == self.own or (found is None and not self.new):
            return
        to = f"taken by {holder.text}" if holder else "broken"
        raise Failed(
            f"the lease on {self.pulumi.stack} was {to} while this command had it: no layer was touched after that",
            "make sure that no other command works on it, then run the same command again",
        )

    def end(self) -> None:
        """Remove the lease, and a stack made for it that is empty."""
        first = LAYER_NAMES[0]
        try:
            if Holder.parse(self.pulumi.lease() or "") != self.own:
                return
            if self.made_stack and not self.pulumi.states((first,))[first].resources:
                self.pulumi.remove_stack(first)
            else:
                self.pulumi.end_lease()
        except Failed as error:
            stack = self.pulumi.stack
            self.say(f"the lease on {stack} stays: {error.message}\n  → remove it: {_breaking(stack)}")


def _breaking(environment: str) -> str:
    """Return the command that breaks a lease."""
    return f"scripts/estate pulumi stack tag rm {LEASE_TAG} --stack {environment} --cwd {LAYER_NAMES[0]}"


def _folder() -> Path:
    """Make the folder of the locks, and of this machine's identity."""
    folder = home() / "rollouts"
    for each in (home(), folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _identity() -> str:
    """Return an identity of this machine's state folder, which copies of it don't share."""
    path = _folder() / "identity"
    with contextlib.suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
        file.write(uuid.uuid4().hex)
    parts = (path.read_text(encoding="utf-8"), socket.gethostname(), str(path.resolve()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
