"""Counts of an engine's events."""

from __future__ import annotations

from typing import Any

import pytest

from estate_tool.engine.events import Changes, Step

QUEUE = "aws:sqs/queue:Queue"
URN = f"urn:pulumi:local::data::estate:data:DeadLetteredQueue${QUEUE}::queue-ingest-queue"


def outputs(op: str, urn: str = URN, resource_type: str = QUEUE, **more: Any) -> dict[str, Any]:
    return {"resOutputsEvent": {"metadata": {"op": op, "urn": urn, "type": resource_type, **more}}}


@pytest.mark.parametrize(
    ("op", "word"),
    [
        ("create", "created"),
        ("import", "created"),
        ("update", "updated"),
        ("replace", "replaced"),
        ("delete", "deleted"),
        ("same", "same"),
    ],
)
def test_each_step_counts_once_under_its_word(op: str, word: str) -> None:
    changes = Changes()
    changes.take(outputs(op))
    assert changes.counts == {word: 1}
    assert changes.any == (word != "same")


@pytest.mark.parametrize(
    ("op", "resource_type"),
    [
        *((op, QUEUE) for op in ("create-replacement", "delete-replaced", "read", "refresh")),
        *(("create", kind) for kind in ("pulumi:pulumi:Stack", "estate:data:Some", "pulumi:providers:aws")),
    ],
)
def test_parts_of_a_replacement_reads_components_and_providers_are_not_counted(op: str, resource_type: str) -> None:
    changes = Changes()
    changes.take(outputs(op, f"urn:pulumi:local::data::{resource_type}::x", resource_type))
    assert not changes.counts


def test_each_change_is_reported_as_it_ends() -> None:
    seen: list[Step] = []
    changes = Changes(on_step=seen.append)
    changes.take(outputs("update", diffs=["tags"]))
    changes.take(outputs("same"))
    assert seen == [Step(kind="updated", urn=URN, changed=("tags",))]
    assert (seen[0].type, seen[0].name) == (QUEUE, "queue-ingest-queue")


def test_errors_are_kept_once_with_the_resource_they_are_about() -> None:
    changes = Changes()
    for message in (
        "AccessDenied: no\n",
        "AccessDenied: no\n",
        "queue-ingest-queue: AccessDenied: no",
        "update failed",
        "preview failed",
        "aggregate-function: failed to run remediation: context canceled",
        "Resource monitor has terminated, shutting down",
    ):
        changes.take({"diagnosticEvent": {"severity": "error", "urn": URN, "message": message}})
    changes.take({"diagnosticEvent": {"severity": "warning", "urn": URN, "message": "careful"}})
    changes.take({"diagnosticEvent": {"severity": "error", "message": "the stack is locked"}})
    assert changes.errors == ["queue-ingest-queue: AccessDenied: no", "the stack is locked"]


def test_what_breaks_a_guardrail_is_an_error_and_advice_is_not() -> None:
    changes = Changes()
    for level, message in (("mandatory", "Everything is in us-east-1.\nrule region: found mars\n"), ("advisory", "hm")):
        event = {"policyEvent": {"resourceUrn": URN, "enforcementLevel": level, "message": message}}
        changes.take(event)
        changes.take_preview(event)
    assert changes.errors == ["Everything is in us-east-1. rule region: found mars"]


def test_a_step_has_the_resource_before_and_after_and_why_it_is_made_anew() -> None:
    changes = Changes()
    old, new = {"id": "table-a-dev", "inputs": {"hashKey": "a"}}, {"inputs": {"hashKey": "b"}}
    metadata = {
        "op": "replace", "urn": URN, "type": QUEUE, "old": old, "new": new, "diffs": ["hashKey", "tags"],
        "keys": ["hashKey"],
    }  # fmt: skip
    changes.take_preview({"resourcePreEvent": {"metadata": metadata}})
    changes.take_preview({"resOutputsEvent": {"metadata": metadata}})
    assert changes.counts == {"replaced": 1}
    (step,) = changes.steps
    assert (step.old, step.new, step.changed, step.replacing) == (old, new, ("hashKey", "tags"), ("hashKey",))


@pytest.mark.parametrize(
    ("op", "message", "kept"),
    [
        ("create", "error reading from server: EOF", True),
        ("create", "connection error: desc = transport: connection refused", True),
        ("create-replacement", "rpc error: code = Unavailable desc = transport is closing", True),
        ("create", "EntityAlreadyExists: role-a exists already", False),
        ("update", "error reading from server: EOF", False),
    ],
)
def test_a_creation_without_an_answer_may_have_happened(op: str, message: str, kept: bool) -> None:
    changes = Changes()
    urn = "urn:pulumi:dev::data::aws:sqs/queue:Queue::q"
    new = {"urn": urn, "type": "aws:sqs/queue:Queue", "custom": True, "id": "", "inputs": {"name": "q-dev"}}
    changes.take({"diagnosticEvent": {"severity": "error", "urn": urn, "message": message}})
    changes.take({"resOpFailedEvent": {"metadata": {"op": op, "urn": urn, "new": new}}})
    expected = [{"urn": urn, "type": new["type"], "custom": True, "inputs": new["inputs"]}]
    assert changes.unanswered == (expected if kept else [])
