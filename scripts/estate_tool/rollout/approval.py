"""Approval of a rollout, above all of data that it would destroy, before a layer is touched."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.console.output import confirm
from estate_tool.core.aws_errors import reaching
from estate_tool.core.errors import Failed, UsageError
from estate_tool.rollout import data_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.rollout.data_loss import DataLoss
    from estate_tool.rollout.display import Display
    from estate_tool.rollout.plans import Plan

PAGE = "docs/data-loss.md"


@dataclass(kw_only=True)
class Approval:
    """Approves the plans of a rollout, or raises UsageError with nothing touched.

    `lose` are the names given to --lose-data, None without the flag. With `asks`, any change has to be confirmed;
    data that would be lost always has to be, unless `lose` names exactly that. `preview` only reports.
    """

    target: Environment
    display: Display
    lose: Sequence[str] | None = None
    asks: bool = True
    yes: bool = False
    preview: bool = False
    losses: list[DataLoss] = field(default_factory=list)
    _agreed: frozenset[str] | None = None

    def __call__(self, plans: Mapping[str, Plan]) -> None:
        """Look up the data that the plans would destroy, show it, and get the plans confirmed."""
        found = [loss for plan in plans.values() for loss in plan.losses]
        if found:
            with reaching(self.target):
                found = data_loss.looked_up(found, self.target.client)
        known = {loss.name for loss in self.losses}
        more = [loss for loss in found if loss.name not in known]
        self.losses += more
        self.display.losses(more, self.target.name)
        if self.preview:
            return
        if self._agreed is None:
            self._agree(plans, found)
        else:
            self._refuse_more(found)

    def _agree(self, plans: Mapping[str, Plan], found: Sequence[DataLoss]) -> None:
        names = frozenset(loss.name for loss in found)
        if self.lose is not None:
            _require_exactly(frozenset(self.lose), names)
        elif names and (self.yes or not sys.stdin.isatty()):
            raise UsageError(
                f"the rollout would destroy data: {_listed(found)}; nothing was changed",
                f"keep a copy first, where you want one: {PAGE}\nto lose it for good: add {flag(names)}",
                code="data_loss",
            )
        changing = ", ".join(name for name, plan in plans.items() if plan.steps)
        if (self.asks and changing) or (names and self.lose is None):
            also = f" and LOSE {_listed(found)} for good" if found else ""
            confirm(f"roll {changing} out to {self.target.name}{also}", "add --yes once you have seen the preview")
        self._agreed = names

    def _refuse_more(self, found: Sequence[DataLoss]) -> None:
        """Raise Failed for losses that were not among those confirmed before the layer's change could be foreseen."""
        more = [loss for loss in found if loss.name not in (self._agreed or ())]
        if more:
            raise Failed(
                f"the layer would destroy data that was not agreed to: {_listed(more)}; the layer is as it was",
                f"look at {PAGE}; then the same command again, with {flag([loss.name for loss in more])}",
                code="data_loss",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the part of the report that is about losses."""
        return {"losses": [loss.to_dict(self.target.name) for loss in self.losses]}


def flag(names: Sequence[str] | frozenset[str]) -> str:
    """Return --lose-data as it is typed for these names."""
    return f"--lose-data {' '.join(sorted(names))}"


def _require_exactly(given: frozenset[str], lost: frozenset[str]) -> None:
    if given == lost:
        return
    wrong = [
        *(f"{name} would lose nothing" for name in sorted(given - lost)),
        *(f"{name} is not named and would be lost" for name in sorted(lost - given)),
    ]
    hint = f"what would be lost: {flag(lost)}" if lost else "nothing would be lost: leave --lose-data out"
    raise UsageError(f"--lose-data has to name what would be lost, all of it and no more: {'; '.join(wrong)}; "
                     "nothing was changed", hint, code="data_loss")  # fmt: skip


def _listed(found: Sequence[DataLoss]) -> str:
    return ", ".join(f"{loss.held} of {loss.name}" for loss in found)
