"""`make bench`: measures all rows, or those named, and compares them with what was kept last.

Rows that are not measured keep their results. No time limit is enforced: a table shows which goals are met.
"""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.bench import rows
from tests.bench.harness import Results, machine, table

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(asked: Sequence[str]) -> int:
    """Measure the rows of these names (all without any); 2 for a name that none has, 1 if a measurement failed."""
    # A shell makes what it starts in the background deaf to Ctrl-C; the engine then waits 5 s for each language host.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    known = {row.name: row for row in rows.ROWS}
    if unknown := [name for name in asked if name not in known]:
        print(f"error: there is no row {unknown[0]}; there are: {' '.join(known)}", file=sys.stderr)
        return 2
    before, results, failed = Results.read(), Results.read(), False
    for name in asked or known:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        try:
            measured = known[name].result(known[name].measure(False))
        except Exception as error:  # one that fails must not cost what the others took
            print(f"error: {name}: {type(error).__name__}: {error}", file=sys.stderr)
            failed = True
            continue
        results = Results.read()  # another run may have kept some meanwhile
        results.rows[name] = {**measured, "machine": machine(), "day": datetime.now(UTC).date().isoformat()}
        results.write()
        if measured["note"]:
            print(f"{name}: {measured['note']}", file=sys.stderr)
    print("\n".join(table(asked or known, results.rows, before.rows)))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
