"""The embedded AWS: ministack and Application Auto Scaling behind one gateway on loopback, IAM enforced, state kept.

The tool calls these functions; the other modules make up the emulator's process.
"""

from local_aws.server.control import down, reset, up

__all__ = ["down", "reset", "up"]
