"""Policies of queues and topics: what is said on the resource itself of who may use it, and how."""

from typing import Any


def queue_policy(queue_arn: str) -> dict[str, Any]:
    """Nobody is let in but by a policy of their own in this account, and nobody without TLS.

    Redrive, mappings and failure destinations need no statement: SQS does the first itself, roles allow the others.
    """
    return {"Version": "2012-10-17", "Statement": [tls_only("sqs:*", queue_arn)]}


def tls_only(action: str, resource_arn: str) -> dict[str, Any]:
    """Refuses what is asked over a connection that is not encrypted, whatever else allows it."""
    return {
        "Sid": "RefusedWithoutTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource_arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
