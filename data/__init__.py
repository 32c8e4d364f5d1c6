"""Layer 2: everything that holds data — tables with autoscaling, the ingest queue and its dead-letter queue."""
