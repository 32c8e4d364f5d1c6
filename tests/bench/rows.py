"""All rows, in the order they are shown."""

from __future__ import annotations

from tests.bench import audit, bill, growth, handlers, rollouts, sending, sizing, starts, whole

ROWS = (
    *rollouts.ROWS,
    *growth.ROWS,
    *starts.ROWS,
    *handlers.ROWS,
    *bill.ROWS,
    *whole.ROWS,
    *sending.ROWS,
    *sizing.ROWS,
    *audit.ROWS,
)
