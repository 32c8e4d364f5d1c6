import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.catalog import CATALOG as SHIPPED
from foundation.model import QUEUE_ACCESS, TABLE_ACCESS, Function, QueueGrant, QueueTrigger, StreamTrigger, TableGrant
from foundation.policies import execution_policy, trust_policy
from foundation.resource_policies import queue_policy
from tests.support.declarations import ARNS, COUNT, READ, STORE, catalog_names

ACCOUNT = "arn:aws:{}:us-east-1:123456789012:{}"
EVENTS, PAGES, AGGREGATES = (
    ACCOUNT.format("dynamodb", f"table/table-{name}-dev") for name in ("events", "pages", "aggregates")
)
INGEST_QUEUE = ACCOUNT.format("sqs", "queue-ingest-dev")

# The whole of what each function of the workload may do; a change of a declaration has to be made here too. Functions
# that are added are held to their declarations by the properties below.
SHIPPED_PERMISSIONS = {
    "ingest": {
        ("sqs:ReceiveMessage", INGEST_QUEUE),
        ("sqs:DeleteMessage", INGEST_QUEUE),
        ("sqs:GetQueueAttributes", INGEST_QUEUE),
        ("sqs:ChangeMessageVisibility", INGEST_QUEUE),
        ("dynamodb:BatchGetItem", EVENTS),
        ("dynamodb:PartiQLInsert", EVENTS),
        ("sqs:SendMessage", ACCOUNT.format("sqs", "dlq-ingest-dev")),
    },
    "aggregate": {
        ("dynamodb:DescribeStream", f"{EVENTS}/stream/*"),
        ("dynamodb:GetRecords", f"{EVENTS}/stream/*"),
        ("dynamodb:GetShardIterator", f"{EVENTS}/stream/*"),
        ("dynamodb:ListStreams", f"{EVENTS}/stream/*"),
        ("dynamodb:BatchGetItem", PAGES),
        ("dynamodb:PutItem", PAGES),
        ("dynamodb:UpdateItem", AGGREGATES),
        ("sqs:SendMessage", ACCOUNT.format("sqs", "dlq-aggregate-dev")),
    },
    "query": {
        ("dynamodb:Query", AGGREGATES),
        ("sqs:SendMessage", ACCOUNT.format("sqs", "dlq-query-dev")),
    },
}


def _allowed(policy: dict[str, Any]) -> set[tuple[str, str]]:
    """Every (action, resource) pair of the policy; fails on statements that say more than Allow, Action, Resource."""
    for statement in policy["Statement"]:
        assert set(statement) == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
    return {(action, item["Resource"]) for item in policy["Statement"] for action in item["Action"]}


def _logs(function: str) -> set[tuple[str, str]]:
    streams = ACCOUNT.format("logs", f"log-group:/aws/lambda/lambda-{function}-dev:*")
    return {("logs:CreateLogStream", streams), ("logs:PutLogEvents", streams)}


def functions() -> st.SearchStrategy[Function]:
    """Functions with any trigger and any set of grants, on at most one grant per table and queue."""
    names = st.lists(catalog_names(), max_size=4, unique_by=lambda name: name.replace("-", ""))
    words = {kind: st.lists(st.sampled_from(sorted(known)), min_size=1, unique=True).map(tuple)
             for kind, known in (("table", TABLE_ACCESS), ("queue", QUEUE_ACCESS))}  # fmt: skip
    triggers = st.one_of(
        st.none(),
        catalog_names().map(lambda q: QueueTrigger(queue=q)),
        catalog_names().map(lambda t: StreamTrigger(table=t)),
    )

    def build(name: str, trigger: Any, tables: list[str], queues: list[str], table: Any, queue: Any) -> Function:
        grants = (
            *(TableGrant(table=item, access=table) for item in tables),
            *(QueueGrant(queue=item, access=queue) for item in queues),
        )
        return replace(READ, name=name, trigger=trigger, grants=grants)

    return st.builds(build, catalog_names(), triggers, names, names, words["table"], words["queue"])


@pytest.mark.parametrize("name", SHIPPED_PERMISSIONS)
def test_a_shipped_function_may_do_exactly_what_it_needs(name: str) -> None:
    (function,) = (function for function in SHIPPED.functions if function.name == name)
    assert _allowed(execution_policy(function, ARNS)) == SHIPPED_PERMISSIONS[name] | _logs(name)


@settings(max_examples=40)
@given(functions())
def test_a_functions_permissions_are_its_logs_trigger_failures_and_grants(function: Function) -> None:
    expected = {(action, ARNS.log_streams(function.name)) for action, _ in _logs(function.name)}
    expected |= {("sqs:SendMessage", ARNS.dead_letter_queue(function.dead_letter_queue))}
    trigger = function.trigger
    if isinstance(trigger, QueueTrigger):
        consume = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
        expected |= {(action, ARNS.queue(trigger.queue)) for action in consume}
    elif isinstance(trigger, StreamTrigger):
        consume = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        expected |= {(f"dynamodb:{action}", ARNS.streams(trigger.table)) for action in consume}
    for grant in function.grants:
        assert isinstance(grant, TableGrant | QueueGrant)
        known, arn = (
            (TABLE_ACCESS, ARNS.table(grant.table))
            if isinstance(grant, TableGrant)
            else (QUEUE_ACCESS, ARNS.queue(grant.queue))
        )
        expected |= {(action, arn) for word in grant.access for action in known[word]}
    assert _allowed(execution_policy(function, ARNS)) == expected


@settings(max_examples=40)
@given(functions())
def test_policies_keep_the_rules_of_iam(function: Function) -> None:
    policy = execution_policy(function, ARNS)
    sids = [statement["Sid"] for statement in policy["Statement"]]
    assert len(set(sids)) == len(sids)
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid, re.ASCII) for sid in sids)
    assert policy["Version"] == "2012-10-17"
    # Inline policies of a role: 10,240 characters in all ("IAM quotas").
    assert len(json.dumps(policy)) < 10_240


def test_failures_end_in_the_consumed_queues_dead_letter_queue_or_in_the_functions_own() -> None:
    for function, queue in ((STORE, "dlq-inbox-dev"), (COUNT, "dlq-count-dev"), (READ, "dlq-read-dev")):
        statements = execution_policy(function, ARNS)["Statement"]
        (report,) = [statement for statement in statements if "sqs:SendMessage" in statement["Action"]]
        assert report["Resource"] == ACCOUNT.format("sqs", queue)


def test_only_the_lambda_service_may_assume_a_role_and_only_for_functions_of_its_account() -> None:
    assert trust_policy("123456789012")["Statement"] == [
        {
            "Sid": "AssumedByLambda",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
        }
    ]


def test_a_queue_allows_no_one_by_its_policy_and_refuses_everything_without_tls() -> None:
    assert queue_policy(INGEST_QUEUE)["Statement"] == [
        {
            "Sid": "RefusedWithoutTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": INGEST_QUEUE,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]
