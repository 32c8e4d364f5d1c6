"""Resource policies of queues and topics."""

from typing import Any


def queue_policy(queue_arn: str) -> dict[str, Any]:
    """Return a policy that refuses requests without TLS and allows nothing: callers need a policy of their own.

    Redrive, mappings and failure destinations need no statement: SQS redrives itself, roles allow the others.
    """
    return {"Version": "2012-10-17", "Statement": [tls_only("sqs:*", queue_arn)]}


def tls_only(action: str, resource_arn: str) -> dict[str, Any]:
    """Return a statement that denies all requests without TLS."""
    return {
        "Sid": "RefusedWithoutTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource_arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
