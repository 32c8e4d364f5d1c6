"""Rules that take all resources of a layer together."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from foundation import small
from foundation.catalog import CATALOG
from foundation.guardrails.alarms import alarms
from foundation.guardrails.rules import (
    CONFIGURATION,
    UNKNOWN,
    Finding,
    Resource,
    Resources,
    StackRule,
    of_type,
    shown,
    suffixes_of,
)
from foundation.layers import project
from foundation.model import Catalog
from foundation.naming import Names
from foundation.waiver import LAYER, MINIMUM, UNTIL, is_waived, over_since

_NAMED_WITHIN_ANOTHER = {"aws:lambda/alias:Alias"}
TOPIC_KEY = "observability:topicKeyArn"
_DIRECTIONS = ("Read", "Write")


def _name(resource: Resource) -> Any:
    """The physical name, whatever its type calls it."""
    return next((resource.props[key] for key in ("dashboardName", "alarmName", "name") if key in resource.props), None)


def _one_environment(resources: Resources) -> Iterator[Finding]:
    suffixes = suffixes_of(resources)
    for resource in resources:
        tag = resource.tags.get("Environment")
        if len(suffixes) > 1 and isinstance(tag, str):
            fix = "take the tags of every resource from one environment's foundation"
            yield Finding(resource=resource, found=f"tag Environment {tag!r} beside others in this layer", fix=fix)
        name = _name(resource)
        ours = resource.type.startswith("aws:") and resource.type not in _NAMED_WITHIN_ANOTHER
        if ours and suffixes and isinstance(name, str) and not any(name.endswith(f"-{suffix}") for suffix in suffixes):
            fix = f"name it through Names.of(kind, purpose), so that it ends with -{suffixes[0]}"
            yield Finding(resource=resource, found=f"name {name!r}", fix=fix)


def _log_groups(resources: Resources) -> Iterator[Finding]:
    groups = {group.props.get("name") for group in of_type(resources, "cloudwatch/logGroup:LogGroup")}
    for function in of_type(resources, "lambda/function:Function"):
        group = function.text("loggingConfig", "logGroup") or f"/aws/lambda/{function.text('name')}"
        if not {group, UNKNOWN} & groups:
            fix = "declare its log group in the same layer, with a retention"
            yield Finding(resource=function, found=f"no log group {group}", fix=fix)


def _scaling(resources: Resources) -> Iterator[Finding]:
    scaled: dict[str, set[tuple[Any, Any]]] = {
        kind: {
            (item.props.get("resourceId"), item.props.get("scalableDimension"))
            for item in of_type(resources, f"appautoscaling/{kind}")
        }
        for kind in ("target:Target", "policy:Policy")
    }
    for table in of_type(resources, "dynamodb/table:Table"):
        if table.props.get("billingMode") in ("PAY_PER_REQUEST", UNKNOWN):
            continue
        for direction in _DIRECTIONS:
            dimension = f"dynamodb:table:{direction}CapacityUnits"
            wanted = {(f"table/{table.props.get('name')}", dimension), (UNKNOWN, dimension)}
            for kind, found in scaled.items():
                if not wanted & found:
                    word = kind.partition(":")[0]
                    fix = "declare capacity in both directions in foundation/catalog.py, or none (on demand)"
                    found_text = f"provisioned {direction.lower()} capacity without a scaling {word}"
                    yield Finding(resource=table, found=found_text, fix=fix)


def _warm(resources: Resources, catalog: Catalog = CATALOG, today: date | None = None) -> Iterator[Finding]:
    configured = _configured(resources)
    last = over_since(configured.get(_key(UNTIL)), today or datetime.now(UTC).date())
    if is_waived(configured.get(_key(MINIMUM))):
        if last:
            fix = f"set {_key(MINIMUM)} to 1 or more, or agree on another day in {_key(UNTIL)}"
            for function in _not_warm(resources, catalog):
                found = f"no provisioned concurrency, though the waiver ended on {last}"
                yield Finding(resource=function, found=found, fix=fix)
        return
    for function in _not_warm(resources, catalog):
        fix = "keep its ProvisionedConcurrency in compute/function.py, or declare it not critical"
        yield Finding(resource=function, found="a critical function without provisioned concurrency", fix=fix)


def _waived(resources: Resources, catalog: Catalog = CATALOG, today: date | None = None) -> Iterator[Finding]:
    configured = _configured(resources)
    until = configured.get(_key(UNTIL))
    if not is_waived(configured.get(_key(MINIMUM))) or over_since(until, today or datetime.now(UTC).date()):
        return
    end = f"{until}" if until else f"{_key(MINIMUM)} is 1 or more; {_key(UNTIL)} would set an end"
    fix = f"have the account's quota raised (scripts/estate doctor says how), then set {_key(MINIMUM)}"
    for function in _not_warm(resources, catalog):
        found = f"no provisioned concurrency, which is waived until {end}"
        yield Finding(resource=function, found=found, fix=fix)


def _small(resources: Resources) -> Iterator[Finding]:
    configured = _configured(resources)
    stack = next((item for item in resources if item.type == "pulumi:pulumi:Stack"), None)
    if stack is None or str(configured.get(f"{small.LAYER}:{small.KEY}")).lower() != "true":
        return
    for layer, settings in small.SETTINGS.items():
        if stack.project == project(layer):
            keys = [f"{layer}:{key}" for key in settings]
            said = ", ".join(f"{key} {configured[key]}" for key in keys if key in configured)
            fix = f"set {small.LAYER}:{small.KEY} to false for an environment that others rely on"
            yield Finding(resource=stack, found=f"a small environment: {said}", fix=fix)


def _not_warm(resources: Resources, catalog: Catalog) -> Iterator[Resource]:
    """The critical functions that keep no environment warm."""
    configs = of_type(resources, "lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig")
    warm = {item.props.get("functionName") for item in configs}
    for function in of_type(resources, "lambda/function:Function"):
        suffix, name = function.tags.get("Environment"), function.props.get("name")
        critical = {Names(str(suffix)).function(item.name) for item in catalog.functions if item.critical}
        if name in critical and not {name, UNKNOWN} & warm:
            yield function


def _configured(resources: Resources) -> Mapping[str, Any]:
    return next((item.props for item in resources if item.type == CONFIGURATION), {})


def _key(name: str) -> str:
    return f"{LAYER}:{name}"


def _invokers(resources: Resources) -> Iterator[Finding]:
    """Hold the accounts of callers against those of the functions' roles."""
    own = {arn.split(":")[4] for item in of_type(resources, "lambda/function:Function") if (arn := item.text("role"))}
    for permission in of_type(resources, "lambda/permission:Permission"):
        principal = permission.text("principal")
        if own and ":iam:" in principal and principal.split(":")[4] not in own:
            fix = "name a role or user of the account that the function is in, with {account} in foundation/catalog.py"
            yield Finding(resource=permission, found=f"principal {principal!r}", fix=fix)


def _topic_keys(resources: Resources) -> Iterator[Finding]:
    key = _configured(resources).get(TOPIC_KEY)
    for topic in of_type(resources, "sns/topic:Topic") if key else ():
        found = topic.props.get("kmsMasterKeyId")
        if found not in (key, UNKNOWN):
            fix = f"give it the key of {TOPIC_KEY}, {key}"
            yield Finding(resource=topic, found=f"kmsMasterKeyId {shown(found)}", fix=fix)


STACK_RULES = (
    StackRule(
        name="topic-key",
        statement="Topics are encrypted with the customer's key where one is configured.",
        check=_topic_keys,
    ),
    StackRule(
        name="one-environment",
        statement="A layer's resources belong to one environment, and every name ends with its suffix.",
        check=_one_environment,
    ),
    StackRule(name="log-group", statement="Every function has a log group of the layer's.", check=_log_groups),
    StackRule(
        name="table-scaling",
        statement="Tables are billed on demand, or scale in both directions.",
        check=_scaling,
    ),
    StackRule(name="warm-when-critical", statement="Critical functions keep provisioned concurrency.", check=_warm),
    StackRule(
        name="warm-waived",
        statement="Critical functions keep provisioned concurrency, unless that is waived for a time.",
        check=_waived,
        advisory=True,
    ),
    StackRule(
        name="small-environment",
        statement="Environments that others rely on are not small ones.",
        check=_small,
        advisory=True,
    ),
    StackRule(
        name="own-invokers",
        statement="Functions are called through their addresses by roles and users of their own account.",
        check=_invokers,
    ),
    StackRule(
        name="alarms",
        statement="Every function, queue and table is watched, and every alarm notifies somebody.",
        check=alarms,
    ),
)
