"""Pulumi engine: its command line, events, state, locks and programs."""
