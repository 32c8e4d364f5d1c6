"""Drift between AWS and the state: detection, classification, repair."""
