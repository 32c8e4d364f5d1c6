"""Foundations of the tool: errors, paths, retries, environments and their configuration."""
