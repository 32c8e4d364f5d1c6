"""Command lines whose output is recorded (unit/tool/test_golden.py), with fakes that make it the same everywhere."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import shtab

from estate_tool.adopt import run as adopt_run
from estate_tool.audit import policy, reader
from estate_tool.audit import run as audit_run
from estate_tool.commands import cost, deploy, destroy, doctor, overview, redrive, rightsize, send, status, tags
from estate_tool.core import embedded
from estate_tool.core.errors import Failed
from estate_tool.costing import report
from estate_tool.deployer_policy import document, tag_coverage
from estate_tool.drift import detect, record
from estate_tool.engine import dry_run
from estate_tool.engine.diagnostics import Diagnostic
from estate_tool.engine.events import Step
from estate_tool.events import invocation, query, settlement
from estate_tool.events import send as transfer
from estate_tool.monitoring import alarms, dashboards, fire_drill, function_logs
from estate_tool.pricing import prices
from estate_tool.redrive import messages
from estate_tool.redrive.results import ForeignItems, QueueResult, Reason
from estate_tool.rollout import lock, orchestration, session
from estate_tool.rollout.data_held import LOG_GROUP, TABLE, Held
from estate_tool.rollout.data_loss import DataLoss
from estate_tool.rollout.result import FAILED, INTERRUPTED, PLANNED, SKIPPED, LayerResult, Outcome
from estate_tool.scaffold import function as scaffold
from estate_tool.setup import engine, locks
from estate_tool.setup import environments as set_up
from estate_tool.sizing import files as sizing_files
from estate_tool.sizing import functions, tuning, verification
from foundation.catalog import CATALOG
from local_aws import server
from tests.support.mocks import ROOT

DATA = ROOT / "tests" / "unit" / "tool" / "golden" / "data"
HOSTILE = "[bold]\x1b[31m"
EVENTS = b""
Patch = pytest.MonkeyPatch
_QUEUE = "urn:pulumi:dev::data::estate:data:DeadLetteredQueue$aws:sqs/queue:Queue::"
_STATEMENT = {
    "Sid": "Tables",
    "Effect": "Allow",
    "Action": ["dynamodb:CreateTable"],
    "Resource": ["arn:aws:dynamodb:*"],
}
_POLICY = {"Version": "2012-10-17", "Statement": [_STATEMENT]}


# Without functions that a copy of the checkout has been given.
_WORKLOAD = replace(CATALOG, functions=CATALOG.functions[:3], queues=CATALOG.queues[:1])


@dataclass(frozen=True)
class Scenario:
    """Words of a command line, the fakes it needs, and the schema of its JSON where that is another one's."""

    words: list[str]
    prepare: Callable[[Patch], None] = lambda _patch: None
    json: bool = True
    schema: str = ""


def data(name: str) -> Any:
    """Return a result that was kept."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def _set(*changes: tuple[object, str, Any]) -> Callable[[Patch], None]:
    def prepare(patch: Patch) -> None:
        for owner, name, value in changes:
            patch.setattr(owner, name, value)  # type: ignore[arg-type]

    return prepare


def _loss(name: str, type_: str, unit: Any, count: int) -> DataLoss:
    held = Held(unit=unit, count=count)
    return DataLoss(layer="data", urn=f"urn:{name}", type=type_, name=name, change="deleted", held=held)


def _layers(*failed: LayerResult, **counts: Any) -> list[LayerResult]:
    done = [
        LayerResult(layer="foundation", result="unchanged", same=6, ran=False),
        LayerResult(layer="data", result="deployed", **counts),
    ]
    return [
        *done,
        *failed,
        *([LayerResult(layer="observability", result=SKIPPED, error="layer compute failed")] if failed else []),
    ]


_DENIED = "operation error SQS: CreateQueue, api error AccessDenied: not authorized to perform: sqs:CreateQueue"
_BROKEN = LayerResult(
    layer="compute", result=FAILED, error=f"ingest {HOSTILE}: denied\nsecond line", seconds=1.5,
    errors=[Diagnostic(message=_DENIED, urn=f"{_QUEUE}ingest")],
)  # fmt: skip
_STEPS = [
    Step(kind="created", urn=f"{_QUEUE}queue-ingest-queue"),
    Step(kind="updated", urn=f"{_QUEUE}table-aggregates-write-throttling-more", changed=("policy", "delaySeconds")),
    Step(kind="replaced", urn=f"{_QUEUE}{HOSTILE}", changed=("name",)),
    Step(kind="deleted", urn=f"{_QUEUE}old"),
]  # fmt: skip


def _rolled_out(outcome: Outcome, *, planned: bool = False) -> Callable[[Patch], None]:
    """A rollout that shows the steps of layer data, and ends so."""

    def rolled(_target: object, _layers: object, _args: object, approval: Any) -> Outcome:
        display = approval.display
        for result in outcome.layers:
            display.layer(1, len(outcome.layers), result.layer)
            for step in _STEPS if result.layer == "data" else ():
                display.step(step, planned=planned)
            display.layer_done(result)
        return outcome

    return _set((deploy, "_rolled_out", rolled))


def _destroyed(patch: Patch) -> None:
    losses = [
        _loss("table-events-dev", TABLE, "items", 1),
        _loss("/aws/lambda/lambda-ingest-dev", LOG_GROUP, "bytes", 2_000),
    ]
    found = [
        LayerResult(layer=name, result="destroyed", deleted=count) for name, count in (("data", 20), ("foundation", 1))
    ]
    outcome = Outcome(environment="dev", layers=found, seconds=4.25)
    _real(patch)
    patch.setattr(destroy, "_losses", lambda *_: losses)
    patch.setattr(orchestration, "refuse_while_read", lambda *_: None)
    patch.setattr(orchestration, "destroy", lambda *_, **__: outcome)


def _real(patch: Patch) -> None:
    """The account of the environment is the right one, and no other account does."""
    engine_ = SimpleNamespace(states=lambda *_: {}, stacks=dict)
    patch.setattr("estate_tool.core.environment.require_own_account", lambda _: "111122223333")
    patch.setattr(lock, "taken", lambda *_, **__: contextlib.nullcontext((engine_, lambda: None)))


def _drifted(patch: Patch) -> None:
    urn = "urn:pulumi:dev::data::estate:data:ScalingTable$aws:dynamodb/table:Table::table-events"
    found = [
        detect.Drift(layer="data", urn=urn, path="readCapacity", expected=5, actual=9, kind="expected"),
        detect.Drift(layer="data", urn=urn, path="tags.Owner", expected="data-platform", actual=HOSTILE, kind="other"),
    ]
    _real(patch)
    patch.setattr(detect, "find", lambda *_: found)
    patch.setattr(record, "keep", lambda *_: None)


def _sent(**counts: int | None) -> Callable[[Patch], None]:
    result = dict.fromkeys(
        ("read", "sent", "rejected", "aggregated", "dead_lettered", "duplicates", "counted_before", "missing"), 0
    )
    whole = {**result, "seconds": 1.0, "through_line": 4, **counts}

    class Quiet:
        through_line = 4

        def __init__(self, *_: object, **__: object) -> None: ...

        def send(self, _stream: object) -> None: ...

    return _set(
        (transfer, "Transfer", Quiet),
        (settlement, "follow", lambda *_: None),
        (send, "_result", lambda *_, **__: whole),
    )


def _failed(_target: object, _options: object, _queues: object, results: list[QueueResult], _progress: object) -> None:
    one = Reason(
        kind="message",
        function="ingest",
        error=f"{HOSTILE} is not JSON",
        quarantined=True,
        messages=2,
        first=0,
        last=60,
    )
    two = Reason(
        kind="async",
        function="query",
        error="boom",
        quarantined=False,
        messages=1,
        first=0,
        last=0,
        attempts=3,
        replays=1,
    )
    results.append(QueueResult(queue="dlq-ingest-dev", messages=2, quarantined=2, reasons={("a",): one}))
    results.append(QueueResult(queue="dlq-query-dev", messages=1, selected=1, reasons={("b",): two}))
    results.append(QueueResult(queue="dlq-aggregate-dev"))


def _missing(_target: object, _options: object, missing: Any, _progress: object) -> None:
    missing.scanned, missing.missing, missing.brought_in = 1_204, 1, 1
    missing.foreign = ForeignItems(count=1, items=[{"key": HOSTILE, "reason": "it holds no event"}])


def _events(*_: object, **__: object) -> Iterator[function_logs.LogEvent]:
    yield function_logs.LogEvent(1_767_225_600_000, "2026/01/01/[1]a", '{"level": "INFO", "message": "stored"}')
    yield function_logs.LogEvent(1_767_225_600_001, "2026/01/01/[1]a", f"plain {HOSTILE}")


def _drill(patch: Patch) -> None:
    def alarm(name: str, *topics: str, parents: tuple[str, ...] = ()) -> alarms.Alarm:
        return alarms.Alarm(f"alarm-{name}-dev", "OK", True, topics, parents)

    found = [
        alarm("heard", "t1"),
        alarm("mute", "t1", "t2"),
        alarm("child", parents=("alarm-estate-dev",)),
        alarm("orphan"),
    ]
    heard = {"alarm-heard-dev": {"t1": 1.24}, "alarm-mute-dev": {"t1": 0.5}}
    patch.setattr(alarms, "of_environment", lambda _: found)
    patch.setattr(
        fire_drill, "drill", lambda _target, tested, _show: [
            fire_drill.AlarmTest(one, heard=heard.get(one.name, {})) for one in tested
        ],
    )  # fmt: skip


def _tagged(patch: Patch) -> None:
    table = "urn:pulumi:dev::data::aws:dynamodb/table:Table::table-events"
    found = [
        tag_coverage.Tagged(urn=table, missing=("Owner",), different={"CostCenter": HOSTILE}),
        tag_coverage.Tagged(urn=table, missing=(), different={}),
    ]
    patch.setattr(
        tags,
        "_resources",
        lambda _: [
            {"type": f"aws:{one}", "outputs": {}} for one in ("lambda/alias:Alias", "cloudwatch/dashboard:Dashboard")
        ],
    )
    patch.setattr(tag_coverage, "coverage", lambda *_: found)


def _permitted(patch: Patch) -> None:
    wide = SimpleNamespace(actions=("dynamodb:CreateTable",), reason="AWS lets no resource be named for it")
    patch.setattr(dry_run, "resources", lambda *_: [])
    patch.setattr(document, "policy", lambda *_: _POLICY)
    patch.setattr(document, "unscoped", lambda _: [wide])


def _cost(bill: Mapping[str, Any], *, compared: bool = False) -> Callable[[Patch], None]:
    plain = {key: value for key, value in bill.items() if key != "compare"}
    return _set(
        (cost, "_load", lambda _: (None, {})), (report, "cost_report", lambda *_: dict(plain)),
        (cost, "_compared", lambda *_: bill["compare"] if compared else None),
    )  # fmt: skip


_RUNNING = embedded.Status(
    running=True,
    answering=True,
    port=4566,
    pid=99,
    uptime_seconds=3_725.0,
    identity="i",
    resources={"tables": 3, "queues": 1},
)
_LOCAL = [(embedded, "status", lambda _: _RUNNING), (set_up, "ensure_local_aws", lambda: Path("/python"))]
_CHECKS = [
    doctor.Check(name="Python", ok=True, found="3.13.1 in /checkout/.venv"),
    doctor.Check(name="Pulumi engine", ok=False, found="not there yet", fix="scripts/setup.sh gets it", needed=False),
    doctor.Check(name="AWS credentials", ok=False, found="there are none", fix="sign in\nor name a profile"),
]
_DOWN = Failed("the embedded AWS is not running", "start it: scripts/estate local up", code="not_running")


def _raise(error: BaseException) -> Callable[..., Any]:
    def raising(*_: object, **__: object) -> Any:
        raise error

    return raising


SCENARIOS: Mapping[str, Scenario] = {
    "overview": Scenario(
        [],
        _set((overview, "environments", lambda _: ["dev", "local"]), (engine, "find_engine", lambda: None)),
        json=False,
    ),
    "error-command": Scenario(["deplyo"], schema="error"),
    "error-flag": Scenario(["completion"], schema="error"),
    "error-aws": Scenario(["query", "t"], _set((query, "ask", _raise(_DOWN))), schema="error"),
    "error-interrupted": Scenario(["query", "t"], _set((query, "ask", _raise(KeyboardInterrupt()))), schema="error"),
    "audit": Scenario(
        ["audit"],
        _set(
            (audit_run, "audit", lambda *_, **__: data("audit")),
            (reader, "session", lambda _: SimpleNamespace(region_name=None)),
        ),
    ),
    "adopt": Scenario(
        ["adopt", "orders", "--out", "adopted"],
        _set(
            (adopt_run, "adopt", lambda *_, **__: data("adopt")),
            (reader, "session", lambda _: SimpleNamespace(region_name=None)),
        ),
    ),
    "lock": Scenario(["lock", "query"], _set((locks, "make_for_function", lambda *_, **__: ["pydantic==2.0"]))),
    "deploy": Scenario(
        ["deploy", "dev", "--yes"],
        _rolled_out(Outcome(environment="dev", seconds=33.25, layers=_layers(created=1, updated=1, deleted=1))),
    ),
    "deploy-preview-failed": Scenario(
        ["deploy", "dev", "--preview"],
        _rolled_out(
            Outcome(
                environment="dev",
                touched=False,
                layers=[LayerResult(layer="data", result=PLANNED, created=1, unknown=["data.a"]), _BROKEN],
            ),
            planned=True,
        ),
    ),
    "deploy-failed": Scenario(
        ["deploy", "dev", "--yes"], _rolled_out(Outcome(environment="dev", layers=_layers(_BROKEN, created=1)))
    ),
    "deploy-interrupted": Scenario(
        ["deploy", "dev", "--yes"],
        _rolled_out(
            Outcome(environment="dev", layers=_layers(LayerResult(layer="compute", result=FAILED, error=INTERRUPTED)))
        ),
    ),
    "destroy": Scenario(["destroy", "dev", "--yes"], _destroyed),
    "destroy-unconfirmed": Scenario(["destroy", "dev"], _destroyed, schema="error"),
    "destroy-nothing": Scenario(["destroy", "local"], _set((session, "has_no_stack", lambda _: True))),
    "status": Scenario(["status", "dev"], _set((status, "_report", lambda _: data("status")))),
    "status-outputs": Scenario(["status", "dev", "--outputs"], _set((status, "_report", lambda _: data("status")))),
    "drift": Scenario(["drift", "dev"], _drifted),
    "doctor": Scenario(["doctor", "dev"], _set((doctor, "_checks", lambda _: iter(_CHECKS)))),
    "send": Scenario(
        ["send", "-", "dev"],
        _sent(
            read=4,
            sent=3,
            rejected=1,
            duplicates=1,
            aggregated=None,
            dead_lettered=None,
            counted_before=None,
            missing=None,
        ),
    ),
    "send-wait": Scenario(
        ["send", "-", "dev", "--wait"], _sent(read=1_204, sent=1_204, aggregated=1_200, duplicates=1, dead_lettered=3)
    ),
    "send-again": Scenario(["send", "-", "dev", "--wait"], _sent(read=1, sent=1, counted_before=1)),
    "query": Scenario(
        ["query", "flight.departed", "dev", "--from", "2013-01-01T10:15:00Z", "--to", "2013-01-01T12:30:00Z"],
        _set((query, "ask", lambda *_: data("query"))),
    ),
    "query-unknown": Scenario(
        ["query", "flight.departd", "dev"],
        _set(
            (
                query,
                "ask",
                lambda *_: (
                    data("query") | {"type": "flight.departd", "buckets": [], "totals": {"count": 0, "data": {}}}
                ),
            ),
            (query, "stored_types", lambda _: ["flight.cancelled", "flight.departed", HOSTILE]),
        ),
    ),
    "logs": Scenario(
        ["logs", "ingest", "dev", "--since", "2026-01-01T00:00:00Z"], _set((function_logs, "read", _events))
    ),
    "invoke": Scenario(
        ["invoke", "query", "dev", "--payload", "tests/unit/tool/golden/data/query.json"],
        _set(
            (invocation, "client", lambda _: None),
            (
                invocation,
                "invoke",
                lambda *_: invocation.Answer('{"errorMessage": "no"}', f"Odd: {HOSTILE}", "7", ("START", "END"), 0.25),
            ),
        ),
    ),
    "redrive": Scenario(["redrive", "dev", "--dry-run"], _set((redrive, "_replay", _failed))),
    "redrive-missing": Scenario(["redrive", "--missing", "dev"], _set((redrive, "_bring_in", _missing))),
    "redrive-unknown": Scenario(["redrive", "ingst"], _set((messages, "CATALOG", _WORKLOAD)), schema="error"),
    "rightsize": Scenario(["rightsize", "dev"], _set((rightsize, "_measured", lambda *_: ([], data("rightsize"))))),
    "rightsize-verify": Scenario(
        ["rightsize", "dev", "--verify"],
        _set((verification, "verified", lambda *_: data("rightsize-verify")["functions"])),
    ),
    "rightsize-tune": Scenario(
        ["rightsize", "dev", "--tune", "query", "--payload", "tests/unit/tool/golden/data/query.json"],
        _set(
            (functions, "find", lambda *_: ["query"]),
            (tuning, "run_trials", lambda *_: []),
            (tuning, "tuning_report", lambda *_: data("rightsize-tune")),
        ),
    ),
    "rightsize-revert": Scenario(
        ["rightsize", "dev", "--revert"],
        _set(
            (sizing_files, "sizes_by_function", lambda: {"ingest": {}}),
            (sizing_files, "revert_sizes", lambda _: "-512\n+640"),
        ),
    ),
    "cost": Scenario(["cost", "dev"], _cost(data("cost"))),
    "cost-compare": Scenario(["cost", "dev", "--compare", "prod"], _cost(data("cost"), compared=True)),
    "cost-refresh": Scenario(
        ["cost", "dev", "--refresh-prices"],
        _set(
            (
                prices,
                "refresh",
                lambda _: {
                    "as_of": "2026-11-27",
                    "changed": [{"price": "alarm", "before": "0.1", "now": "0.2"}],
                    "kept": ["metric"],
                },
            )
        ),
    ),
    "dashboard": Scenario(
        ["dashboard", "dev", "--html", "estate.html"],
        _set(
            (
                dashboards,
                "collect",
                lambda *_, **__: {
                    "name": "dashboard-estate-dev",
                    "start": "2026-11-27T00:00:00+00:00",
                    "end": "2026-11-27T03:00:00+00:00",
                    "widgets": [{"type": "metric"}],
                },
            ),
            (dashboards, "write", lambda *_: None),
        ),
    ),
    "fire-drill": Scenario(["fire-drill", "dev", "--yes"], _drill),
    "permissions": Scenario(["permissions", "data", "dev", "--account", "111122223333"], _permitted),
    "permissions-backend": Scenario(
        ["permissions", "dev", "--account", "111122223333", "--backend", "s3://state", "--read-only"]
    ),
    "permissions-audit": Scenario(["permissions", "audit"], _set((policy, "document", lambda: _POLICY))),
    "tags": Scenario(["tags", "dev"], _tagged),
    "sample": Scenario(["sample", "flights", "--limit", "2"]),
    "new": Scenario(
        ["new", "recorded"],
        _set((scaffold, "write", lambda _: ["foundation/catalog.py", "lambda_src/recorded/handler.py"])),
    ),
    "local-up": Scenario(["local", "up"], _set(*_LOCAL, (server, "up", lambda *_: True))),
    "local-down": Scenario(["local", "down"], _set(*_LOCAL, (server, "down", lambda *_: True))),
    "local-reset": Scenario(["local", "reset", "--yes"], _set(*_LOCAL, (server, "reset", lambda *_: None))),
    "local-status": Scenario(["local", "status"], _set(*_LOCAL)),
    "local-env": Scenario(
        ["local", "env"],
        _set(*_LOCAL, (embedded, "environment", lambda *_: {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})),
    ),
    "completion": Scenario(["completion", "bash"], _set((shtab, "complete", lambda *_: "complete -F _estate estate"))),
}
