"""`estate redrive`: failed events are explained, and come back."""
