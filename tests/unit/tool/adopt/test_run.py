"""Result of an adoption, and the sizes that it writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from compute.sizing import memory_by_function
from estate_tool.adopt import run
from estate_tool.adopt.model import Source
from estate_tool.adopt.sizes import sizing
from estate_tool.adopt.translation import translate
from estate_tool.monitoring.metrics import Window
from estate_tool.pricing import prices
from tests.support.accounts import ACCOUNT, REGION, WORK, arn, mapping, old_function, queue
from tests.support.log_lines import gathered, text_line
from tests.support.schema import breaches

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = Window(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("used", "memory", "samples", "kind"),
    [(300, 1024, 60, "differs"), (2000, 1024, 60, "missing"), (None, 1024, 0, "differs")],
)
def test_sizes_follow_the_evidence_within_the_estates_bounds(
    used: int | None, memory: int, samples: int, kind: str, tmp_path: Path
) -> None:
    usage = gathered(*[text_line(used, 3008, billed=10)] * 60) if used else None
    source = Source(account=ACCOUNT, region=REGION, functions=(old_function(memory_mb=3008, usage=usage),))
    content, notes = sizing(translate(source, {}), source, WINDOW, prices.read())
    (tmp_path / "sizing.json").write_text(json.dumps(content))
    assert memory_by_function(["worker"], tmp_path / "sizing.json") == {"worker": memory}
    assert content["functions"]["worker"]["evidence"]["samples"] == samples
    assert [(note.kind, note.setting) for note in notes] == [(kind, "memory")]


def test_the_result_keeps_its_schema_and_names_what_takes_failures() -> None:
    worker = old_function(mappings=(mapping(WORK),), Runtime="python3.9", failures_to=(arn("sqs", "failed"),))
    stores = {WORK: queue(dead_letters_to=arn("sqs", "dead"))}
    source = Source(
        account=ACCOUNT, region=REGION, functions=(worker,), consumers={WORK: ("worker",)}, queues=stores
    )  # fmt: skip
    done = translate(source, {})
    result: dict[str, Any] = run.result(source, done, done.notes, WINDOW) | {"folder": "out", "files": ["catalog.py"]}
    assert breaches("adopt", result) == []
    assert {(one["old"], one["physical"]) for one in result["names"]} == {
        ("worker", "lambda-worker-ENV"), ("work", "queue-work-ENV"), ("failed", "dlq-worker-ENV"),
        ("dead", "dlq-work-ENV"),
    }  # fmt: skip
