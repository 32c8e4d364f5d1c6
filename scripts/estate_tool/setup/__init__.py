"""Sets up what the estate needs on a machine that has Python only. Standard library alone: nothing is installed yet."""
