"""queue-ingest → table-events: validates events and stores each one once."""
