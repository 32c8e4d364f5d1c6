"""Adoption of functions that run elsewhere: their declarations for the catalog, written for review; reads only."""
