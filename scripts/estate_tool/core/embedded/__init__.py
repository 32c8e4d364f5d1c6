"""Embedded AWS as its clients know it: address, credentials, variables and status; `local_aws` is the server."""

from estate_tool.core.embedded.paths import REMOVED, LocalAwsPaths, environment, shell_lines
from estate_tool.core.embedded.record import Status, status

__all__ = ["REMOVED", "LocalAwsPaths", "Status", "environment", "shell_lines", "status"]
