"""The embedded AWS: ministack and Application Auto Scaling behind one gateway on loopback, IAM enforced, state kept.

What the tool calls is here; the other modules are the processes themselves and what they are made of.
"""

from local_aws.server.control import down, reset, up

__all__ = ["down", "reset", "up"]
