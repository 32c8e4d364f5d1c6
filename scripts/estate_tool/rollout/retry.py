"""A layer whose engine run failed for transient reasons only is run again; the engine goes on where it stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core import retries
from estate_tool.engine.events import CHANGE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from estate_tool.rollout.result import LayerResult

# Each run repeats every call several times by itself.
RUNS = 6


def retried(run: Callable[[], LayerResult], say: Callable[[str], None]) -> LayerResult:
    """The result of the last of at most RUNS runs, with the changes of all; a permanent error ends it at once."""
    result = run()
    if not result.transient:
        return result  # without loading what is not needed
    import tenacity

    results: list[LayerResult] = []

    def next_run() -> LayerResult:
        results.append(run() if results else result)
        return results[-1]

    def tell(state: RetryCallState) -> None:
        pause = state.next_action.sleep if state.next_action else 0.0
        reason = "\n        ".join(str(results[-1].error).splitlines())
        say(f"      transient failure: {reason}\n      running layer {results[-1].layer} again in {pause:.1f} s")

    retries.policy(
        tenacity.retry_if_result(lambda last: last.transient),
        tenacity.stop_after_attempt(RUNS),
        before_sleep=tell,
        retry_error_callback=lambda _: results[-1],
    )(next_run)
    for word in CHANGE_WORDS:
        setattr(results[-1], word, sum(getattr(each, word) for each in results))
    return results[-1]
