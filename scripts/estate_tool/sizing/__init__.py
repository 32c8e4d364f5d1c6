"""Right-sizing: what functions really use, how much memory they should have, and the file that says so."""
