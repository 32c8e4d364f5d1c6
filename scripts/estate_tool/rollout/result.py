"""Results of rollouts and teardowns, for people and for scripts, and their retries.

A layer whose engine run failed for transient reasons only is run again; the engine goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from estate_tool.core import retries
from estate_tool.core.errors import Failed
from estate_tool.core.retries import is_transient_text
from estate_tool.engine import diagnostics
from estate_tool.engine.events import CHANGE_KINDS

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
    resources that are no longer declared and stay, as a layer above still uses them.
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
        """Return the result of an engine run: `done` when something changed and there is no diagnostic."""
        counts: dict[str, Any] = {kind: changes.counts[kind] for kind in (*CHANGE_KINDS, "same")}
        result = cls(layer=layer, result=done if changes.any else UNCHANGED, **counts)
        result.errors, result.notes = list(changes.diagnostics), list(changes.notes)
        if diagnostic:
            result.result = FAILED
            # Without an error of a resource or a program, the diagnostic is about the backend.
            errors = changes.errors or [_joined(diagnostic, diagnostics.known_hint(diagnostic))]
            result.error = "\n".join(errors)
            result.transient = all(is_transient_text(error) for error in errors)
        return result

    @classmethod
    def failed(cls, layer: str, error: Failed) -> LayerResult:
        """Return the result of a layer that an error kept from being run."""
        return cls(layer=layer, result=FAILED, error=_joined(error.message, error.hint))

    @classmethod
    def skipped(cls, layer: str, reason: str) -> LayerResult:
        """Return the result of a layer that was not run."""
        return cls(layer=layer, result=SKIPPED, error=reason, ran=False)

    def unless_lost(self, check_lease: Callable[[], None]) -> LayerResult:
        """Return the same, as a failure if another command has taken the environment meanwhile."""
        try:
            check_lease()
        except Failed as error:
            lost = _joined(self.error, error.message, error.hint)
            return replace(self, result=FAILED, error=lost, transient=False)
        return self

    def then(self, later: LayerResult) -> LayerResult:
        """Return the result of both runs of a layer, this one and a `later` one."""
        if later.result == SKIPPED:
            return self
        both = {name: getattr(self, name) + getattr(later, name) for name in (*CHANGE_KINDS, "seconds")}
        last = later if later.result == FAILED or later.ran else self
        result = self.result if later.result == UNCHANGED and self.result != FAILED else later.result
        return replace(last, result=result, same=last.same, kept=later.kept, **both)

    def untouched(self) -> LayerResult:
        """Return the same of a run that did nothing: its counts were only of a plan."""
        return replace(self, **dict.fromkeys((*CHANGE_KINDS, "same"), 0))

    def to_dict(self) -> dict[str, Any]:
        """Return a layer in the shape that `--json` promises (docs/schemas/rollout.schema.json)."""
        return vars(self) | {
            "seconds": round(self.seconds, 3),
            "errors": [diagnostic.to_dict() for diagnostic in self.errors],
        }


def _joined(*lines: str | None) -> str:
    return "\n".join(filter(None, lines))


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

    def to_dict(self) -> dict[str, Any]:
        """Return the shape that `--json` promises (docs/schemas/rollout.schema.json)."""
        return {
            "environment": self.environment,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "layers": [result.to_dict() for result in self.layers],
        }


def retried(run: Callable[[], LayerResult], say: Callable[[str], None]) -> LayerResult:
    """Return the result of at most RUNS runs together; a permanent error ends them at once."""
    first = run()
    if not first.transient:
        return first  # without loading the library of retries
    import tenacity

    results: list[LayerResult] = []

    def next_run() -> LayerResult:
        results.append(run() if results else first)
        return results[-1]

    def report(state: RetryCallState) -> None:
        pause = state.next_action.sleep if state.next_action else 0.0
        reason = "\n        ".join(str(results[-1].error).splitlines())
        say(f"      transient failure: {reason}\n      running layer {first.layer} again in {pause:.1f} s")

    retries.policy(
        tenacity.retry_if_result(lambda result: result.transient),
        tenacity.stop_after_attempt(RUNS),
        before_sleep=report,
        retry_error_callback=lambda _: None,
    )(next_run)
    return reduce(LayerResult.then, results)
