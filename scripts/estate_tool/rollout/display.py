"""Shows a rollout to a person, on stderr."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from estate_tool.core.terminal import one_line, safe, unfiltered
from estate_tool.engine.events import CHANGE_WORDS
from estate_tool.rollout.result import PLANNED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estate_tool.engine.diagnostics import Diagnostic
    from estate_tool.engine.events import Step
    from estate_tool.rollout.data_loss import Loss
    from estate_tool.rollout.result import LayerResult, Outcome

_MARKS = {"created": ("+", "32"), "updated": ("~", "33"), "replaced": ("±", "35"), "deleted": ("-", "31")}
# Tags are on everything: a change of one is a change of every resource.
_TAGS = {"tags", "tagsAll"}
_PLANNED = {"created": "create", "updated": "update", "replaced": "replace", "deleted": "delete"}


class Display:
    """Prints each layer, each changed resource and a summary; colours only on a terminal.

    Resources of a layer of which nothing but tags changes are one line, unless `verbose`.
    """

    def __init__(self, stream: TextIO | None = None, *, verbose: bool = False) -> None:
        self._out = unfiltered(stream or sys.stderr)
        self._verbose = verbose
        self._tagged: list[tuple[Step, bool]] = []
        self._colours = self._out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def line(self, text: str = "") -> None:
        """One line of plain text."""
        self._draw(safe(text))

    def _draw(self, text: str) -> None:
        """A line with colours of ours; what others wrote has to be safe in it."""
        print(text, file=self._out, flush=True)

    def layer(self, position: int, total: int, name: str) -> None:
        """A layer begins."""
        self._draw(f"[{position}/{total}] {self._coloured(name, '1')}")

    def step(self, step: Step, *, planned: bool) -> None:
        """A resource was changed, or would be."""
        if not self._verbose and step.word == "updated" and step.changed and set(step.changed) <= _TAGS:
            self._tagged.append((step, planned))
            return
        self._step(step, planned=planned)

    def losses(self, found: Sequence[Loss], environment: str) -> None:
        """Print the data that a rollout would destroy, with the commands that keep a copy."""
        for loss in found:
            self._draw(self._coloured(safe(str(loss)), "1;31"))
            for command in loss.copies(environment):
                self.line(f"  → first: {command}")
            if loss.note:
                self.line(f"    {loss.note}")

    def _tags(self) -> None:
        """Print the changes of tags that were held back."""
        held, self._tagged = self._tagged, []
        if len(held) == 1:
            self._step(held[0][0], planned=held[0][1])
        elif held:
            mark, colour = _MARKS["updated"]
            word = "would update" if held[0][1] else "updated"
            self._draw(f"      {self._coloured(mark, colour)} {f'{len(held)} resources':<63} {word}  (tags)")

    def _step(self, step: Step, *, planned: bool) -> None:
        mark, colour = _MARKS[step.word]
        kind, name = one_line(step.type.rpartition(":")[2]), one_line(step.name)
        detail = f"  ({one_line(', '.join(step.changed))})" if step.changed and step.word != "created" else ""
        word = f"would {_PLANNED[step.word]}" if planned else step.word
        self._draw(f"      {self._coloured(mark, colour)} {name:<36} {kind:<26} {word}{detail}")

    def layer_done(self, result: LayerResult) -> None:
        """A layer has ended."""
        self._tags()
        if result.unknown:
            unknown = safe(_listed(result.unknown))
            self._draw(f"      {self._coloured('?', '36')} not known before the rollout: {unknown}")
        if result.error:
            self._draw(f"      {self._coloured(result.result, '31')}: {safe(_indented(result.error))}")
            for diagnostic in result.errors:
                if diagnostic.code:
                    self.line(f"        → {_refusal(diagnostic)}")
            return
        for note in result.notes:
            self.line(f"      {self._coloured('!', '33')} {note}")
        how = f" in {result.seconds:.1f} s" if result.ran else ", as are its inputs: not run"
        self.line(f"      {_counts(result)}{how}")

    def foreseen(self, result: LayerResult) -> None:
        """In one line, what the preview of a layer found that is to be rolled out; all of it where that failed."""
        if result.error:
            self.line(f"preview of {result.layer}")
            self.layer_done(result)
        elif result.ran:
            self.line(f"preview of {result.layer}: {_counts(result)}")

    def summary(self, outcome: Outcome, done: str, hint: str) -> None:
        """Show the changes, the time they took, and the next command."""
        self.line()
        state = self._coloured(done, "32") if not outcome.failed else self._coloured("not finished", "31")
        self._draw(f"environment {one_line(outcome.environment)}: {state} in {outcome.seconds:.1f} s")
        for result in outcome.layers:
            reason = f"  {_short(result.error)}" if result.error else ""
            self.line(f"  {result.layer:<14} {result.result:<10} {_counts(result)}{reason}")
        for text in hint.splitlines():
            self.line(f"  → {text}")

    def _coloured(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text


def _counts(result: LayerResult) -> str:
    words = {word: f"to {_PLANNED[word]}" if result.result == PLANNED else word for word in CHANGE_WORDS}
    parts = [f"{getattr(result, word)} {told}" for word, told in words.items() if getattr(result, word)]
    if not parts and result.error:
        return ""
    if not parts:
        return f"{result.same} unchanged" if result.same else "nothing to do"
    return ", ".join(parts) + (f", {result.same} unchanged" if result.same else "")


def _refusal(diagnostic: Diagnostic) -> str:
    """Describe the resource and AWS's refusal."""
    what = f" to {diagnostic.action}" if diagnostic.action else ""
    return f"{diagnostic.name} ({diagnostic.type}): AWS answered {diagnostic.code}{what}"


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _short(text: str, limit: int = 110) -> str:
    line = text.strip().splitlines()[0]
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _indented(text: str) -> str:
    return text.strip().replace("\n", "\n        ")
