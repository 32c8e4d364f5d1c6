"""Measurements: fair comparisons of two implementations, and their results."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Ours (`a`) against the alternative (`b`), in one unit; `b` is zero without an alternative."""

    a: float
    b: float
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A measurement and its goal: the ratio a/b is to be at most `goal`, at least where more is better.

    Where the goal is `absolute`, it is for `a` itself, and `b` is only shown beside it. `measure` takes whether a small
    version is enough; it must fail when what is measured doesn't work.
    """

    name: str
    what: str
    against: str
    unit: str
    goal: float
    measure: Callable[[bool], Measured]
    more_is_better: bool = False
    absolute: bool = False

    def result(self, measured: Measured) -> dict[str, Any]:
        """The row as it is kept."""
        ratio = measured.a / measured.b if measured.b else measured.a
        held = measured.a if self.absolute else ratio
        met = held >= self.goal if self.more_is_better else held <= self.goal
        return {
            **{key: getattr(self, key) for key in ("what", "against", "unit", "goal", "more_is_better", "absolute")},
            **asdict(measured), "ratio": ratio, "met": met,
        }  # fmt: skip


def interleaved(a: Callable[[], float], b: Callable[[], float], rounds: int) -> Measured:
    """Return the medians of two measurements that take turns, so that other load affects both."""
    pairs = [(a(), b()) for _ in range(rounds)]
    return Measured(a=statistics.median(one for one, _ in pairs), b=statistics.median(other for _, other in pairs))


def wall(work: Callable[[], object]) -> float:
    """Return the seconds that pass during the work."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def processor(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that the work takes in this process."""
    started = time.process_time()
    work()
    return time.process_time() - started


@dataclass
class Results:
    """The latest measurements by row, with machine and date."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path = RESULTS) -> Results:
        """Return the kept results; nothing if there is no such file."""
        return cls(json.loads(path.read_text(encoding="utf-8"))["rows"]) if path.is_file() else cls()

    def write(self, path: Path = RESULTS) -> None:
        """Keep them."""
        path.write_text(json.dumps({"rows": self.rows}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> str:
    """Return the machine's properties that affect figures."""
    return f"{os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}"


def table(names: Iterable[str], now: Mapping[str, dict[str, Any]], before: Mapping[str, dict[str, Any]]) -> list[str]:
    """The results as lines of a Markdown table, beside those that were kept before."""
    lines = ["| measure | ours | against | ratio | goal | met | before |", "|---|---|---|---|---|---|---|"]
    for name in names:
        row = now.get(name)
        if row is None:
            continue
        unit = f" {row['unit']}" if row.get("absolute") else ""
        goal = f"{'≥' if row['more_is_better'] else '≤'} {row['goal']:g}{unit}"
        earlier = f"{before[name]['ratio']:.2f}" if name in before else "–"
        other = f"{_number(row['b'])} {row['unit']} ({row['against']})" if row["b"] else "–"
        ratio = f"{row['ratio']:.2f}" if row["b"] else "–"
        cells = f"{_number(row['a'])} {row['unit']}", other, ratio, goal, "yes" if row["met"] else "**no**", earlier
        lines.append(f"| {name}: {row['what']} | {' | '.join(cells)} |")
    return lines


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
