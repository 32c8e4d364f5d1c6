"""Layer 2: data stores — tables with autoscaling, the ingest queue and its dead-letter queue."""
