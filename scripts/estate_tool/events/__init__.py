"""Events of an environment: sending, querying, accounting for each of them, dead-letter queues."""
