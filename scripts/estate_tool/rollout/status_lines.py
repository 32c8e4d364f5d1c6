"""Status of an environment as text for people, and its pages in the AWS console."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from estate_tool.console.tables import Column, table
from estate_tool.core.text import counted, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.core.environment import Environment

_NONE = "–"


def links(environment: Environment) -> dict[str, str]:
    """Return the addresses of the console's pages, by their subject: dashboard, alarms, functions, queues."""
    region = environment.configuration.region
    console = f"https://{region}.console.aws.amazon.com"
    dashboard = environment.names.of("dashboard", "estate")
    return {
        "dashboard": f"{console}/cloudwatch/home?region={region}#dashboards/dashboard/{dashboard}",
        "alarms": f"{console}/cloudwatch/home?region={region}#alarmsV2:?search=-{environment.names.suffix}",
        "functions": f"{console}/lambda/home?region={region}#/functions?fo=and&o0=%3A&v0=-{environment.names.suffix}",
        "queues": f"{console}/sqs/v3/home?region={region}#/queues",
    }


def lines(report: Mapping[str, Any], *, outputs: bool) -> Iterator[str]:
    """Yield the condition, the layers, their health, and what to do."""
    name, problems = report["environment"], report["problems"]
    deployed = [one for one in report["layers"] if one["deployed"]]
    condition = "not deployed" if not deployed else counted(len(problems), "problem") if problems else "well"
    yield f"environment {name}: {condition}"
    if report["held_by"]:
        yield f"  taken by {report['held_by']['text']}"
    if deployed:
        yield from (f"  ! {one}" for one in problems)
    yield ""
    yield from _layers(report["layers"])
    if deployed:
        yield from _health(report)
        yield from _drift(report["drift"], name)
    for what, address in report["links"].items() if deployed else ():
        yield f"{what}: {address}"
    if outputs:
        for one in deployed:
            yield f"\noutputs of {one['layer']}"
            yield from (f"  {line}" for line in _outputs(one["outputs"]))
    for topic in report["topics_without_subscriber"]:
        yield f"  → {topic} has no subscriber: set observability:subscriptions"
    if len(deployed) < len(report["layers"]):
        yield f"  → roll out what is missing: scripts/deploy_all.sh {name}"


def _layers(layers: list[Mapping[str, Any]]) -> Iterator[str]:
    rows = []
    for one in layers:
        origin = one["rolled_out"] or {}
        changed = "" if origin.get("clean", True) else " + changes"
        version = f"{(origin.get('commit') or _NONE)[:12]}{changed}"
        state = str(one["resources"]) if one["deployed"] else "not deployed"
        rows.append((one["layer"], state, version, origin.get("when") or _NONE, origin.get("who") or _NONE,
                     origin.get("tool") or _NONE))  # fmt: skip
    titles = (
        "layer", "resources", Column("version", left=True), Column("rolled out (UTC)", left=True),
        Column("by", left=True, drop=1), Column("tool", left=True, drop=2),
    )  # fmt: skip
    yield from table(titles, rows)


def _health(report: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    if report["alarms"]:
        yield from _alarms(report["alarms"])
    if report["queues"]:
        yield ""
        yield from table(
            ("queue", "messages", "oldest", Column("", left=True)),
            [
                (
                    one["queue"], _number(one["messages"]), _span(one["oldest_seconds"]),
                    "failed events: scripts/estate redrive" if one["dead_letters"] and one["messages"] else "",
                )
                for one in report["queues"]
            ],
        )  # fmt: skip
    if report["streams"]:
        yield ""
        rows = [(f"{one['table']} → {one['function']}", _span(one["lag_seconds"])) for one in report["streams"]]
        yield from table(("stream", "lag"), rows)
    if report["provisioned_concurrency"]:
        yield ""
        yield from table(
            ("provisioned concurrency", "requested", "allocated", "used", Column("status", left=True)),
            [
                (
                    f"{one['function']}:{one['alias']}", _number(one["requested"]), _number(one["allocated"]),
                    _number(one["used"]), str(one["status"]),
                )
                for one in report["provisioned_concurrency"]
            ],
        )  # fmt: skip
    yield ""


def _alarms(alarms: Mapping[str, Any]) -> Iterator[str]:
    states = Counter(one["state"] for one in alarms["not_ok"])
    ok = alarms["total"] - states.total() - len(alarms["missing"])
    parts = [f"{ok:,} OK", f"{states['ALARM']:,} in ALARM", f"{states['INSUFFICIENT_DATA']:,} without data"]
    yield f"{counted(alarms['total'], 'alarm')}: {', '.join(parts)}"
    ringing = [one for one in alarms["not_ok"] if one["state"] == "ALARM"]
    if ringing:
        titles = (
            Column("in ALARM", left=True),
            Column("since (UTC)", left=True),
            Column("reason", left=True, wrap=True),
        )
        rows = [(one["alarm"], one["since"] or _NONE, one["reason"]) for one in ringing]
        yield from table(titles, rows, indent=2)


def _drift(drift: Mapping[str, Any] | None, name: str) -> Iterator[str]:
    if drift is None:
        yield f"drift: not compared on this machine yet: scripts/estate drift {name}"
        return
    of = "" if len(drift["layers"]) > 1 else f" of {drift['layers'][0]}"
    found = counted(drift["differences"], "difference") if drift["differences"] else "no difference"
    explained = f", {drift['unexpected']:,} that autoscaling does not explain" if drift["differences"] else ""
    yield f"drift{of}: {found}{explained}, seen {drift['seen']}"


def _outputs(outputs: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in sorted(outputs.items()):
        if isinstance(value, dict):
            found += _outputs(value, f"{prefix}{key}.")
        else:
            found.append(f"{prefix}{key} = {value}")
    return found


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:,g}"


def _span(seconds: float | None) -> str:
    return _NONE if seconds is None else span(seconds)
