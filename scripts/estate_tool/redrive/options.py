"""Selection and pace of a call of `estate redrive`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from estate_tool.redrive.messages import FailedMessage


@dataclass(frozen=True, kw_only=True)
class Options:
    """Selection of failures to replay. Times are seconds since 1970; after `most_replays` a failure is held back."""

    dry_run: bool = False
    quarantined: bool = False
    most_replays: int = 3
    error: str = ""
    event_type: str = ""
    since: float | None = None
    until: float | None = None
    rate: int | None = None

    @property
    def filtered(self) -> bool:
        """True if only some failures are selected."""
        return bool(self.error or self.event_type or self.since is not None or self.until is not None)

    def matches(self, failure: FailedMessage) -> bool:
        """True if a failure is one of those asked for."""
        return (
            self.error.lower() in failure.error.lower()
            and self.event_type in ("", failure.event_type)
            and (self.since is None or failure.failed_at >= self.since)
            and (self.until is None or failure.failed_at < self.until)
        )

    def holds_back(self, failure: FailedMessage) -> bool:
        """True if a failure is in quarantine: it failed again and again, or can't but fail."""
        return failure.hopeless or failure.replays >= self.most_replays


class Pace:
    """Lets so many through per second; without a rate, all."""

    def __init__(
        self, rate: int | None, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    def wait(self, count: int = 1) -> None:
        """Return when so many more may go."""
        if self._rate is None:
            return
        now = self._clock()
        if self._free_at > now:
            self._sleep(self._free_at - now)
        self._free_at = max(self._free_at, now) + count / self._rate
