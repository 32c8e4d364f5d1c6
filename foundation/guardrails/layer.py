"""Rules on all resources of a layer together."""

import re
from datetime import UTC, date, datetime

from pulumi_policy import EnforcementLevel, StackValidationArgs

from foundation.catalog import CATALOG
from foundation.guardrails.properties import UNKNOWN, of_type, shown, tags, text
from foundation.guardrails.rules import LayerFindings, layer_rule
from foundation.layers import project
from foundation.naming import Names
from foundation.stack_files import SMALL, SMALL_SETTINGS
from foundation.waiver import LAYER, MINIMUM, UNTIL, expired_on, is_waived

_MINIMUM, _UNTIL = f"{LAYER}:{MINIMUM}", f"{LAYER}:{UNTIL}"
TOPIC_KEY = "observability:topicKeyArn"
_CHILDREN = re.compile(r'ALARM\("([^"]+)"\)')


@layer_rule("one-environment", "A layer's resources belong to one environment, and every name ends with its suffix.")
def _one_environment(args: StackValidationArgs) -> LayerFindings:
    tagged = [(item, tag) for item in args.resources if isinstance(tag := tags(item.props).get("Environment"), str)]
    suffixes = sorted({tag for _, tag in tagged})
    for item, tag in tagged if len(suffixes) > 1 else ():
        fix = "take the tags of every resource from one environment's foundation"
        yield item, f"tag Environment {tag!r} beside others in this layer", fix
    for item in args.resources if suffixes else ():
        name = next((item.props[key] for key in ("dashboardName", "alarmName", "name") if key in item.props), None)
        # An alias is named within its function.
        named = item.resource_type.startswith("aws:") and item.resource_type != "aws:lambda/alias:Alias"
        if named and isinstance(name, str) and not any(name.endswith(f"-{suffix}") for suffix in suffixes):
            yield (
                item,
                f"name {name!r}",
                f"name it through Names.of(kind, component), so that it ends with -{suffixes[0]}",
            )


@layer_rule("log-group", "Every function has a log group of the layer's.")
def _log_groups(args: StackValidationArgs) -> LayerFindings:
    groups = {props.get("name") for _, props in of_type(args, "cloudwatch/logGroup:LogGroup")}
    for function, props in of_type(args, "lambda/function:Function"):
        group = text(props, "loggingConfig", "logGroup") or f"/aws/lambda/{text(props, 'name')}"
        if not {group, UNKNOWN} & groups:
            yield function, f"no log group {group}", "declare its log group in the same layer, with a retention"


@layer_rule("table-scaling", "Tables are billed on demand, or scale in both directions.")
def _scaling(args: StackValidationArgs) -> LayerFindings:
    scaled = {
        kind: {(props.get("resourceId"), props.get("scalableDimension")) for _, props in of_type(args, type_)}
        for kind, type_ in (
            ("target", "appautoscaling/target:Target"), ("policy", "appautoscaling/policy:Policy")
        )
    }  # fmt: skip
    for table, props in of_type(args, "dynamodb/table:Table"):
        for direction in () if props.get("billingMode") in ("PAY_PER_REQUEST", UNKNOWN) else ("Read", "Write"):
            dimension = f"dynamodb:table:{direction}CapacityUnits"
            wanted = {(f"table/{props.get('name')}", dimension), (UNKNOWN, dimension)}
            for kind in (kind for kind, found in scaled.items() if not wanted & found):
                fix = "declare capacity in both directions in foundation/catalog.py, or none (on demand)"
                yield table, f"provisioned {direction.lower()} capacity without a scaling {kind}", fix


@layer_rule("warm-when-critical", "Critical functions keep provisioned concurrency.")
def _provisioned(args: StackValidationArgs) -> LayerFindings:
    config = args.get_config()
    ended = expired_on(config.get(_UNTIL), _today())
    if not is_waived(config.get(_MINIMUM)):
        fix = "keep its ProvisionedConcurrency in compute/function.py, or declare it not critical"
        yield from _not_provisioned(args, "a critical function without provisioned concurrency", fix)
    elif ended:
        fix = f"set {_MINIMUM} to 1 or more, or agree on another day in {_UNTIL}"
        yield from _not_provisioned(args, f"no provisioned concurrency, though the waiver ended on {ended}", fix)


@layer_rule(
    "warm-waived",
    "Critical functions keep provisioned concurrency, unless that is waived for a time.",
    EnforcementLevel.ADVISORY,
)
def _waived(args: StackValidationArgs) -> LayerFindings:
    config = args.get_config()
    until = config.get(_UNTIL)
    if is_waived(config.get(_MINIMUM)) and not expired_on(until, _today()):
        end = until or f"{_MINIMUM} is 1 or more; {_UNTIL} would set an end"
        fix = f"have the account's quota raised (scripts/estate doctor shows how), then set {_MINIMUM}"
        yield from _not_provisioned(args, f"no provisioned concurrency, which is waived until {end}", fix)


def _not_provisioned(args: StackValidationArgs, found: str, fix: str) -> LayerFindings:
    configs = of_type(args, "lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig")
    provisioned = {props.get("functionName") for _, props in configs}
    for function, props in of_type(args, "lambda/function:Function"):
        names = Names(str(tags(props).get("Environment")))
        critical = {names.function(item.name) for item in CATALOG.functions if item.critical}
        name = props.get("name")
        if name in critical and not {name, UNKNOWN} & provisioned:
            yield function, found, fix


def _today() -> date:
    return datetime.now(UTC).date()


@layer_rule("small-environment", "Environments that others rely on are not small ones.", EnforcementLevel.ADVISORY)
def _small(args: StackValidationArgs) -> LayerFindings:
    config = args.get_config()
    if str(config.get(SMALL)).lower() != "true":
        return
    for stack in (item for item in args.resources if item.resource_type == "pulumi:pulumi:Stack"):
        for layer, settings in SMALL_SETTINGS.items():
            if f"::{project(layer)}::" in stack.urn:
                keys = [f"{layer}:{key}" for key in settings]
                values = ", ".join(f"{key} {config[key]}" for key in keys if key in config)
                fix = f"set {SMALL} to false for an environment that others rely on"
                yield stack, f"a small environment: {values}", fix


@layer_rule("own-invokers", "Functions are called through their addresses by roles and users of their own account.")
def _invokers(args: StackValidationArgs) -> LayerFindings:
    roles = (text(props, "role") for _, props in of_type(args, "lambda/function:Function"))
    own = {arn.split(":")[4] for arn in roles if arn}
    for permission, props in of_type(args, "lambda/permission:Permission"):
        principal = text(props, "principal")
        if own and ":iam:" in principal and principal.split(":")[4] not in own:
            fix = "name a role or user of the account that the function is in, with {account} in foundation/catalog.py"
            yield permission, f"principal {principal!r}", fix


@layer_rule("topic-key", "Topics are encrypted with the customer's key where one is configured.")
def _topic_keys(args: StackValidationArgs) -> LayerFindings:
    key = args.get_config().get(TOPIC_KEY)
    for topic, props in of_type(args, "sns/topic:Topic") if key else ():
        found = props.get("kmsMasterKeyId")
        if found not in (key, UNKNOWN):
            yield topic, f"kmsMasterKeyId {shown(found)}", f"give it the key of {TOPIC_KEY}, {key}"


@layer_rule("alarms", "Every alarm notifies, itself or by a composite alarm.")
def _alarms(args: StackValidationArgs) -> LayerFindings:
    composite = [props for _, props in of_type(args, "cloudwatch/compositeAlarm:CompositeAlarm")]
    if any(UNKNOWN in (props.get("alarmRule"), props.get("alarmActions")) for props in composite):
        return
    children = {text(props, "alarmName"): set(_CHILDREN.findall(text(props, "alarmRule"))) for props in composite}
    notifying = [text(props, "alarmName") for props in composite if props.get("alarmActions")]
    notified = set().union(*(children[name] for name in notifying))
    notified |= set().union(*(children[name] for name in notified & children.keys()))
    # Composite alarms over a layer's alarms may be in observability, where all can be checked.
    observability = f"::{project('observability')}::"
    for alarm, props in of_type(args, "cloudwatch/metricAlarm:MetricAlarm"):
        name = props.get("name")
        if not props.get("alarmActions") and name not in notified | {UNKNOWN} and observability in alarm.urn:
            fix = "give it a severity, or a symptom whose composite alarm notifies (observability/alarm_set.py)"
            yield alarm, f"no notification of {name}", fix
