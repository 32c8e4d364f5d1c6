"""All rows, in the order they are shown."""

from __future__ import annotations

from tests.bench import audit, bill, handlers, rollouts, sending, sizing, starts

ROWS = (*rollouts.ROWS, *starts.ROWS, *handlers.ROWS, *bill.ROWS, *sending.ROWS, *sizing.ROWS, *audit.ROWS)
