"""`estate redrive`: failed events, explained and replayed."""
