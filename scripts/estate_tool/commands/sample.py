"""`estate sample`: real events to try the estate with, one per line on stdout."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HELP = "write real events, for `estate send -`"
EXAMPLES = (
    ("estate sample flights --limit 1000 > events.ndjson", "a file to send"),
    ("estate sample flights --duplicates 50 --invalid 5 --shuffle 1", "with what should not count"),
)
_LINES_AT_ONCE = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the kind of events, their number, and what to mix in."""
    lines_ = arguments.whole("lines", 0)
    parser.add_argument(
        "dataset", choices=("flights",),
        help="flights: the 336,776 flights that left New York in 2013 (flight.departed, flight.cancelled; "
        "subject: the carrier)",
    )  # fmt: skip
    parser.add_argument("--limit", type=lines_, metavar="N", help="at most N of them (default: all)")
    parser.add_argument("--offset", type=lines_, default=0, metavar="N", help="leave the first N out")
    parser.add_argument("--duplicates", type=lines_, default=0, metavar="N", help="N of them a second time")
    parser.add_argument("--invalid", type=lines_, default=0, metavar="N", help="N lines that are no valid events")
    parser.add_argument("--json", action="store_true", help="accepted as everywhere; each line is JSON in any case")
    parser.add_argument(
        "--shuffle", type=int, metavar="SEED",
        help="in an order drawn from SEED, a whole number: the same every time (about 50 MB of memory for all)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the events; a reader that goes away early, such as `head`, ends it."""
    write(lines(args.limit, args.offset, args.duplicates, args.invalid, args.shuffle))
    return 0


def lines(
    limit: int | None, offset: int = 0, duplicates: int = 0, invalid: int = 0, shuffle: int | None = None
) -> Iterator[str]:
    """Yield the lines that the flags ask for.

    Without a shuffle: the flights, the duplicates, the invalid lines. Which flights have a duplicate is drawn from the
    shuffle's seed, or 0. Raises UsageError when there are fewer flights than duplicates.
    """
    from estate_tool.events import flights

    rows = flights.rows(limit, offset)
    if not duplicates and shuffle is None:
        yield from map(flights.event, rows)
        yield from map(flights.invalid, range(invalid))
        return
    # Rows and numbers are kept and only turned into lines when it is their turn.
    mixed: list[str | int] = [*rows]
    mixed += _mixed_in(mixed, duplicates, invalid, shuffle)
    if shuffle is not None:
        import random

        random.Random(shuffle).shuffle(mixed)
    for entry in mixed:
        yield flights.event(entry) if isinstance(entry, str) else flights.invalid(entry)


def _mixed_in(rows: list[str | int], duplicates: int, invalid: int, seed: int | None) -> list[str | int]:
    import random

    if duplicates > len(rows):
        raise UsageError(
            f"--duplicates {duplicates:,} of {len(rows):,} flights: each is written a second time at most once",
            f"ask for at most {len(rows):,} duplicates, or for more flights",
        )
    return [*random.Random(seed or 0).sample(rows, duplicates), *range(invalid)]


def write(texts: Iterable[str]) -> None:
    """Write the lines to stdout, many at once; raise BrokenPipeError when the reader has gone."""
    texts = iter(texts)
    while some := list(islice(texts, _LINES_AT_ONCE)):
        sys.stdout.write("\n".join(some) + "\n")
    sys.stdout.flush()
