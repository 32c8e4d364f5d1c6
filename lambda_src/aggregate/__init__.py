"""table-events stream → table-aggregates: counts and sums, exactly once."""
