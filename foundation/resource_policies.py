"""Policies of queues and topics: what is said on the resource itself of who may use it, and how."""

from typing import Any


def queue_policy(queue_arn: str) -> dict[str, Any]:
    """Deny access from other accounts and without TLS; identities of this account need a policy of their own.

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
