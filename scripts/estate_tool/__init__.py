"""The tool behind `scripts/estate`: sets the machine up, rolls the layers out, and works with what is deployed."""

__version__ = "0.1.0"
