"""Display of a rollout for people, on stderr, by rich."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from typing import TYPE_CHECKING, TextIO

from estate_tool.console.progress import Progress, console_on
from estate_tool.core.text import one_line, safe, unfiltered
from estate_tool.engine.events import CHANGE_KINDS
from estate_tool.rollout.result import PLANNED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from estate_tool.engine.diagnostics import Diagnostic
    from estate_tool.engine.events import Step
    from estate_tool.rollout.data_loss import DataLoss
    from estate_tool.rollout.result import LayerResult, Outcome

_SIGNS = {"created": ("+", "green"), "updated": ("~", "yellow"), "replaced": ("±", "magenta"), "deleted": ("-", "red")}
# Tags are on everything: a change of one is a change of every resource.
_TAGS = {"tags", "tagsAll"}
_PLANNED = {"created": "create", "updated": "update", "replaced": "replace", "deleted": "delete"}


class Display:
    """Lines of a rollout: each layer, each changed resource and a summary; colours only on a terminal.

    Resources of a layer of which nothing but tags changes are one line, unless `verbose`.
    """

    def __init__(self, stream: TextIO | None = None, *, verbose: bool = False) -> None:
        self._out = unfiltered(stream or sys.stderr)
        self._verbose = verbose
        self._tagged: list[tuple[Step, bool]] = []

    @contextlib.contextmanager
    def working(self, doing: str) -> Iterator[None]:
        """Show a moving line with the time on a terminal; other lines stand above it."""
        with Progress(doing, self._out):
            yield

    def line(self, text: str = "") -> None:
        """Print one line of plain text."""
        self._draw(text)

    def _draw(self, *parts: str | tuple[str, str]) -> None:
        """Print a line of texts, some with a style; control characters in them are written out, markup is text."""
        shown = [(safe(part), "") if isinstance(part, str) else (safe(part[0]), part[1]) for part in parts]
        if not self._out.isatty():
            print(*(text for text, _ in shown), sep="", file=self._out)
            return
        from rich.text import Text

        console_on(self._out).print(Text.assemble(*shown), soft_wrap=True)

    def layer(self, position: int, total: int, name: str) -> None:
        """Print that a layer begins."""
        self._draw(f"[{position}/{total}] ", (name, "bold"))

    def step(self, step: Step, *, planned: bool) -> None:
        """Print that a resource was changed, or with `planned` would be."""
        if not self._verbose and step.kind == "updated" and step.changed and set(step.changed) <= _TAGS:
            self._tagged.append((step, planned))
            return
        self._step(step, planned=planned)

    def losses(self, found: Sequence[DataLoss], environment: str) -> None:
        """Print the data that a rollout would destroy, with the commands that keep a copy."""
        for loss in found:
            self._draw((str(loss), "bold red"))
            for command in loss.copies(environment):
                self.line(f"  → first: {command}")
            if loss.note:
                self.line(f"    {loss.note}")

    def _tags(self) -> None:
        """Print the changes of tags, which were collected."""
        held, self._tagged = self._tagged, []
        if len(held) == 1:
            self._step(held[0][0], planned=held[0][1])
        elif held:
            step, planned = held[0]
            self._draw(
                "      ", _SIGNS["updated"], f" {_verb(step, planned=planned):<8}  {len(held)} resources  (tags)"
            )

    def _step(self, step: Step, *, planned: bool) -> None:
        kind, name = one_line(step.type.rpartition(":")[2]), one_line(step.name)
        detail = f"  ({one_line(', '.join(step.changed))})" if step.changed and step.kind != "created" else ""
        line = f" {_verb(step, planned=planned):<8}  {name:<39}  {kind}"
        if detail and len(line) + len(detail) + 7 > console_on(self._out).width:
            detail = f"\n       {detail}"
        self._draw("      ", _SIGNS[step.kind], line, detail)

    def layer_done(self, result: LayerResult) -> None:
        """Print the result of a layer."""
        self._tags()
        if result.unknown:
            self._draw("      ", ("?", "cyan"), f" not known before the rollout: {_listed(result.unknown)}")
        if result.error:
            self._draw("      ", (result.result, "red"), f": {_indented(result.error)}")
            for diagnostic in result.errors:
                if diagnostic.code:
                    self.line(f"        → {_refusal(diagnostic)}")
            return
        for note in result.notes:
            self._draw("      ", ("!", "yellow"), f" {note}")
        how = f" in {result.seconds:.1f} s" if result.ran else ", as are its inputs: not run"
        self.line(f"      {_counts(result)}{how}")

    def plan_line(self, result: LayerResult) -> None:
        """Print the preview of a layer that is to be rolled out in one line; all of it if it failed."""
        if result.error:
            self.line(f"preview of {result.layer}")
            self.layer_done(result)
        elif result.ran:
            self.line(f"preview of {result.layer}: {_counts(result)}")

    def summary(self, outcome: Outcome, done: str, hint: str) -> None:
        """Show the changes, the time they took, and the next command."""
        self.line()
        state = ("not finished", "red") if outcome.failed else (done, "green")
        self._draw(f"environment {one_line(outcome.environment)}: ", state, f" in {outcome.seconds:.1f} s")
        for result in outcome.layers:
            line = f"  {result.layer:<14} {result.result:<10} {_counts(result)}"
            self.line(line + self._reason(result, len(line)))
        for text in hint.splitlines():
            self.line(f"  → {text}")

    def _reason(self, result: LayerResult, before: int) -> str:
        """Return the beginning of a layer's error, as far as the line has room; all of it stands above."""
        if not result.error:
            return ""
        room = max(console_on(self._out).width - before - 2, 20)
        return f"  {textwrap.shorten(result.error.strip().splitlines()[0], room, placeholder=' …')}"


def _verb(step: Step, *, planned: bool) -> str:
    return _PLANNED[step.kind] if planned else step.kind


def _counts(result: LayerResult) -> str:
    shown = {kind: f"to {_PLANNED[kind]}" if result.result == PLANNED else kind for kind in CHANGE_KINDS}
    parts = [f"{getattr(result, kind)} {words}" for kind, words in shown.items() if getattr(result, kind)]
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


def _indented(text: str) -> str:
    return text.strip().replace("\n", "\n        ")
