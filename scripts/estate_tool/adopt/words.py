"""Operations on tables and queues, by whether the catalog has a word for them or grants them by itself."""

from __future__ import annotations

from foundation.model import QUEUE_ACCESS, TABLE_ACCESS

TABLE_WORDS = {action.partition(":")[2]: word for word, actions in TABLE_ACCESS.items() for action in actions}
QUEUE_WORDS = {action.partition(":")[2]: word for word, actions in QUEUE_ACCESS.items() for action in actions}
TABLE_OPERATIONS = (
    *TABLE_WORDS, "Scan", "BatchWriteItem", "ConditionCheckItem", "PartiQLSelect", "PartiQLUpdate", "PartiQLDelete",
    "DescribeTable", "UpdateTimeToLive", "DeleteTable", "UpdateTable",
)  # fmt: skip
QUEUE_OPERATIONS = (
    *QUEUE_WORDS, "ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "PurgeQueue", "DeleteQueue",
    "SetQueueAttributes",
)  # fmt: skip
OPERATIONS = frozenset((*TABLE_OPERATIONS, *QUEUE_OPERATIONS))
# Of its trigger, a function is granted these by itself.
CONSUMING = frozenset({"ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"})
# What every function is granted, or has no use for here; tracing and networks have notes of their own.
BY_ITSELF = (
    "logs:createloggroup", "logs:createlogstream", "logs:putlogevents", "xray:*", "ec2:*networkinterface*",
    "ec2:assignprivateipaddresses", "ec2:unassignprivateipaddresses", "dynamodb:describestream", "dynamodb:getrecords",
    "dynamodb:getsharditerator", "dynamodb:liststreams",
)  # fmt: skip
