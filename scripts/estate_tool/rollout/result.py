"""Results of rollouts and teardowns, for people and for scripts, and their retries.

A layer whose engine run failed for transient reasons only is run again; the engine goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from estate_tool.core import retries
from estate_tool.core.errors import Failed
from estate_tool.core.retries import is_transient_text
from estate_tool.engine import diagnostics
from estate_tool.engine.events import CHANGE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from estate_tool.engine.diagnostics import Diagnostic
    from estate_tool.engine.events import Changes

DEPLOYED, UNCHANGED, SKIPPED, FAILED, DESTROYED = "deployed", "unchanged", "skipped", "failed", "destroyed"
INTERRUPTED = "interrupted; what was in flight has ended, the rest is as it was"
PLANNED = "planned"  # of a preview: the counts are of what would be done

# Each run repeats every call several times by itself.
RUNS = 6


@dataclass(kw_only=True)
class LayerResult:
    """Result of one layer; `seconds` is wall time, `error` the reason of a failure or skip.

    `transient` is True if the same may work a little later, `ran` if the engine was run, and `unknown` names
    outputs of lower layers that a preview could not know. `notes` are warnings of guardrails, `kept`
    what is declared no more and stays, as a layer above still uses it.
    """

    layer: str
    result: str
    created: int = 0
    updated: int = 0
    replaced: int = 0
    deleted: int = 0
    same: int = 0
    seconds: float = 0.0
    error: str | None = None
    errors: list[Diagnostic] = field(default_factory=list)
    transient: bool = False
    ran: bool = True
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, layer: str, changes: Changes, diagnostic: str, done: str) -> LayerResult:
        """The result of an engine run: `done` when something changed and there is no diagnostic."""
        result = cls(layer=layer, result=done if changes.any else UNCHANGED, errors=list(changes.diagnostics))
        result.notes = list(changes.notes)
        for word in (*CHANGE_WORDS, "same"):
            setattr(result, word, changes.counts[word])
        if diagnostic:
            result.result = FAILED
            # Without an error of a resource or a program, the diagnostic is about the backend.
            errors = changes.errors or ["\n".join(filter(None, (diagnostic, diagnostics.known_hint(diagnostic))))]
            result.error = "\n".join(errors)
            result.transient = all(is_transient_text(error) for error in errors)
        return result

    def unless_lost(self, still_ours: Callable[[], None]) -> LayerResult:
        """Return the same, as a failure if another one has taken the environment meanwhile."""
        try:
            still_ours()
        except Failed as error:
            parts = filter(None, (self.error, error.message, error.hint))
            return replace(self, result=FAILED, error="\n".join(parts), transient=False)
        return self

    def then(self, later: LayerResult) -> LayerResult:
        """Return what the layer came to that was run once more, `later`."""
        if later.result == SKIPPED:
            return self
        both = {word: getattr(self, word) + getattr(later, word) for word in (*CHANGE_WORDS, "seconds")}
        last = later if later.result == FAILED or later.ran else self
        result = self.result if later.result == UNCHANGED else later.result
        return replace(last, result=result, same=last.same, kept=later.kept, **both)

    def untouched(self) -> LayerResult:
        """The same of a run that did nothing: what it counted was only foreseen."""
        return replace(self, **dict.fromkeys((*CHANGE_WORDS, "same"), 0))

    def to_dict(self) -> dict[str, Any]:
        """A layer in the shape that `--json` promises (docs/schemas/rollout.schema.json)."""
        return vars(self) | {
            "seconds": round(self.seconds, 3),
            "errors": [diagnostic.to_dict() for diagnostic in self.errors],
        }


@dataclass(kw_only=True)
class Outcome:
    """Result for an environment, layer by layer, in order; nothing was `touched` by a preview."""

    environment: str
    layers: list[LayerResult] = field(default_factory=list)
    seconds: float = 0.0
    touched: bool = True

    @property
    def failed(self) -> bool:
        """True if a layer failed."""
        return any(result.result == FAILED for result in self.layers)

    @property
    def interrupted(self) -> bool:
        """True if a person or a signal ended it."""
        return any(result.error == INTERRUPTED for result in self.layers)

    @property
    def ok(self) -> bool:
        """True if no layer failed and none was skipped."""
        return all(result.result not in (FAILED, SKIPPED) for result in self.layers)

    @property
    def changes_nothing(self) -> bool:
        """True if every layer is as it was."""
        return all(result.result == UNCHANGED for result in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """The shape that `--json` promises (docs/schemas/rollout.schema.json)."""
        return {
            "environment": self.environment,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "layers": [result.to_dict() for result in self.layers],
        }


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
