"""Structured logs: one JSON object per line, fields given as `extra`.

Where Lambda's own JSON log format is on, the runtime writes the lines; everywhere else (text format, an emulator) the
same lines are written here.
"""

import json
import logging
import os
import sys
import time

_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

logger = logging.getLogger("estate")


class JsonLines(logging.Formatter):
    """A record as one line of JSON, with the keys Lambda's JSON log format uses."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **{name: value for name, value in vars(record).items() if name not in _OWN_ATTRIBUTES},
        }
        if record.exc_info:
            line["stackTrace"] = self.formatException(record.exc_info).splitlines()
        return json.dumps(line, default=str)


def configure() -> None:
    """Make the logger write JSON lines, unless the Lambda runtime does so already. Call it once per process."""
    runtime_writes_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON" and logging.getLogger().handlers
    if not runtime_writes_json and not logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(JsonLines())
        logger.addHandler(handler)
        logger.propagate = False
    if logger.getEffectiveLevel() > logging.INFO and not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
        logger.setLevel(logging.INFO)
