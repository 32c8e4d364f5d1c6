"""Means to run the estate without AWS: the embedded AWS (`server`) and the local provider plugin (`provider`)."""
