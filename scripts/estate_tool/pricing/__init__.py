"""Prices and quantities: the lines of a bill."""
