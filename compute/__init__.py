"""Layer 3: everything that can be thrown away and rebuilt — functions, aliases, triggers, failure queues."""
