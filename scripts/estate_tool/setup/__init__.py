"""Set-up of a machine that has Python only. Standard library alone: nothing is installed yet."""
