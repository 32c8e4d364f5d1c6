"""The embedded AWS: ministack and moto behind one gateway on the loopback interface, IAM enforced, state kept.

What the tool calls is here; the other modules are the processes themselves and what they are made of.
"""

from local_aws.server.control import Endpoints, Status, down, reset, status, up
from local_aws.server.place import REMOVED, Place, environment, shell_lines

__all__ = ["REMOVED", "Endpoints", "Place", "Status", "down", "environment", "reset", "shell_lines", "status", "up"]
