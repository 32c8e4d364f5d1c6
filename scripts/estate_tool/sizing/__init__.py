"""Right-sizing: measured use of functions, recommended memory, and the file of sizes."""

# Constants of the command line stand here, so that `--help` loads nothing else.
# As many as AWS Compute Optimizer asks for.
MINIMUM_SAMPLES = 50
AUTO = "auto"
# Sources of evidence by their names for `--source`.
SOURCES = (AUTO, "insights", "logs", "metric", "lambda-insights")
