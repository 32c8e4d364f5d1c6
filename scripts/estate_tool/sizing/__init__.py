"""Right-sizing: measured use of functions, recommended memory, and the file that holds it."""
