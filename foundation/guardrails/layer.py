"""Rules on all resources of a layer together. Violations of an advisory one are shown, and stop nothing."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

from pulumi_policy import EnforcementLevel, PolicyResource, ReportViolation, StackValidationArgs, StackValidationPolicy

from foundation.catalog import CATALOG
from foundation.guardrails.reading import UNKNOWN, of_type, shown, tags, text, violation
from foundation.layers import project
from foundation.naming import Names
from foundation.stack_files import SMALL, SMALL_SETTINGS
from foundation.waiver import LAYER, MINIMUM, UNTIL, expired_on, is_waived

_NAMED_WITHIN_ANOTHER = {"aws:lambda/alias:Alias"}
_MINIMUM, _UNTIL = f"{LAYER}:{MINIMUM}", f"{LAYER}:{UNTIL}"
TOPIC_KEY = "observability:topicKeyArn"
_CHILDREN = re.compile(r'ALARM\("([^"]+)"\)')


def _one_environment(args: StackValidationArgs, report: ReportViolation) -> None:
    tagged = [(item, tag) for item in args.resources if isinstance(tag := tags(item.props).get("Environment"), str)]
    suffixes = sorted({tag for _, tag in tagged})
    for item, tag in tagged if len(suffixes) > 1 else ():
        fix = "take the tags of every resource from one environment's foundation"
        violation(report, item, f"tag Environment {tag!r} beside others in this layer", fix)
    for item in args.resources if suffixes else ():
        name = next((item.props[key] for key in ("dashboardName", "alarmName", "name") if key in item.props), None)
        ours = item.resource_type.startswith("aws:") and item.resource_type not in _NAMED_WITHIN_ANOTHER
        if ours and isinstance(name, str) and not any(name.endswith(f"-{suffix}") for suffix in suffixes):
            fix = f"name it through Names.of(kind, component), so that it ends with -{suffixes[0]}"
            violation(report, item, f"name {name!r}", fix)


def _log_groups(args: StackValidationArgs, report: ReportViolation) -> None:
    groups = {props.get("name") for _, props in of_type(args, "cloudwatch/logGroup:LogGroup")}
    for function, props in of_type(args, "lambda/function:Function"):
        group = text(props, "loggingConfig", "logGroup") or f"/aws/lambda/{text(props, 'name')}"
        if not {group, UNKNOWN} & groups:
            fix = "declare its log group in the same layer, with a retention"
            violation(report, function, f"no log group {group}", fix)


def _scaling(args: StackValidationArgs, report: ReportViolation) -> None:
    scaled = {
        word: {(props.get("resourceId"), props.get("scalableDimension")) for _, props in of_type(args, type_)}
        for word, type_ in (("target", "appautoscaling/target:Target"), ("policy", "appautoscaling/policy:Policy"))
    }
    for table, props in of_type(args, "dynamodb/table:Table"):
        for direction in () if props.get("billingMode") in ("PAY_PER_REQUEST", UNKNOWN) else ("Read", "Write"):
            dimension = f"dynamodb:table:{direction}CapacityUnits"
            wanted = {(f"table/{props.get('name')}", dimension), (UNKNOWN, dimension)}
            for word in (word for word, found in scaled.items() if not wanted & found):
                fix = "declare capacity in both directions in foundation/catalog.py, or none (on demand)"
                found = f"provisioned {direction.lower()} capacity without a scaling {word}"
                violation(report, table, found, fix)


def _provisioned(args: StackValidationArgs, report: ReportViolation) -> None:
    config = args.get_config()
    ended = expired_on(config.get(_UNTIL), _today())
    if not is_waived(config.get(_MINIMUM)):
        found = "a critical function without provisioned concurrency"
        fix = "keep its ProvisionedConcurrency in compute/function.py, or declare it not critical"
    elif ended:
        found = f"no provisioned concurrency, though the waiver ended on {ended}"
        fix = f"set {_MINIMUM} to 1 or more, or agree on another day in {_UNTIL}"
    else:
        return
    for function in _not_provisioned(args):
        violation(report, function, found, fix)


def _waived(args: StackValidationArgs, report: ReportViolation) -> None:
    config = args.get_config()
    until = config.get(_UNTIL)
    if not is_waived(config.get(_MINIMUM)) or expired_on(until, _today()):
        return
    end = until or f"{_MINIMUM} is 1 or more; {_UNTIL} would set an end"
    fix = f"have the account's quota raised (scripts/estate doctor shows how), then set {_MINIMUM}"
    for function in _not_provisioned(args):
        violation(report, function, f"no provisioned concurrency, which is waived until {end}", fix)


def _not_provisioned(args: StackValidationArgs) -> Iterator[PolicyResource]:
    """Yield the critical functions without provisioned concurrency."""
    configs = of_type(args, "lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig")
    provisioned = {props.get("functionName") for _, props in configs}
    for function, props in of_type(args, "lambda/function:Function"):
        names = Names(str(tags(props).get("Environment")))
        critical = {names.function(item.name) for item in CATALOG.functions if item.critical}
        name = props.get("name")
        if name in critical and not {name, UNKNOWN} & provisioned:
            yield function


def _today() -> date:
    return datetime.now(UTC).date()


def _small(args: StackValidationArgs, report: ReportViolation) -> None:
    config = args.get_config()
    if str(config.get(SMALL)).lower() != "true":
        return
    for stack in (item for item in args.resources if item.resource_type == "pulumi:pulumi:Stack"):
        for layer, settings in SMALL_SETTINGS.items():
            if f"::{project(layer)}::" in stack.urn:
                keys = [f"{layer}:{key}" for key in settings]
                values = ", ".join(f"{key} {config[key]}" for key in keys if key in config)
                fix = f"set {SMALL} to false for an environment that others rely on"
                violation(report, stack, f"a small environment: {values}", fix)


def _invokers(args: StackValidationArgs, report: ReportViolation) -> None:
    """Compare the accounts of callers with those of the functions' roles."""
    roles = (text(props, "role") for _, props in of_type(args, "lambda/function:Function"))
    own = {arn.split(":")[4] for arn in roles if arn}
    for permission, props in of_type(args, "lambda/permission:Permission"):
        principal = text(props, "principal")
        if own and ":iam:" in principal and principal.split(":")[4] not in own:
            fix = "name a role or user of the account that the function is in, with {account} in foundation/catalog.py"
            violation(report, permission, f"principal {principal!r}", fix)


def _topic_keys(args: StackValidationArgs, report: ReportViolation) -> None:
    key = args.get_config().get(TOPIC_KEY)
    for topic, props in of_type(args, "sns/topic:Topic") if key else ():
        found = props.get("kmsMasterKeyId")
        if found not in (key, UNKNOWN):
            violation(report, topic, f"kmsMasterKeyId {shown(found)}", f"give it the key of {TOPIC_KEY}, {key}")


def _alarms(args: StackValidationArgs, report: ReportViolation) -> None:
    """Find alarms that notify neither by themselves nor by a composite alarm over them, or over one over them.

    Only observability has the composite alarms over those of a layer.
    """
    watching = f"::{project('observability')}::"
    composite = [props for _, props in of_type(args, "cloudwatch/compositeAlarm:CompositeAlarm")]
    if any(UNKNOWN in (props.get("alarmRule"), props.get("alarmActions")) for props in composite):
        return
    children = {text(props, "alarmName"): set(_CHILDREN.findall(text(props, "alarmRule"))) for props in composite}
    notifying = [text(props, "alarmName") for props in composite if props.get("alarmActions")]
    notified = set().union(*(children[name] for name in notifying))
    notified |= set().union(*(children[name] for name in notified & children.keys()))
    for alarm, props in of_type(args, "cloudwatch/metricAlarm:MetricAlarm"):
        if not props.get("alarmActions") and props.get("name") not in notified | {UNKNOWN} and watching in alarm.urn:
            fix = "give it a severity, or a symptom whose composite alarm notifies (observability/alarm_set.py)"
            violation(report, alarm, f"no notification of {props.get('name')}", fix)


LAYER_RULES = [
    StackValidationPolicy(
        "topic-key", "Topics are encrypted with the customer's key where one is configured.", _topic_keys
    ),
    StackValidationPolicy(
        "one-environment",
        "A layer's resources belong to one environment, and every name ends with its suffix.",
        _one_environment,
    ),
    StackValidationPolicy("log-group", "Every function has a log group of the layer's.", _log_groups),
    StackValidationPolicy("table-scaling", "Tables are billed on demand, or scale in both directions.", _scaling),
    StackValidationPolicy("warm-when-critical", "Critical functions keep provisioned concurrency.", _provisioned),
    StackValidationPolicy(
        "warm-waived",
        "Critical functions keep provisioned concurrency, unless that is waived for a time.",
        _waived,
        EnforcementLevel.ADVISORY,
    ),
    StackValidationPolicy(
        "small-environment",
        "Environments that others rely on are not small ones.",
        _small,
        EnforcementLevel.ADVISORY,
    ),
    StackValidationPolicy(
        "own-invokers",
        "Functions are called through their addresses by roles and users of their own account.",
        _invokers,
    ),
    StackValidationPolicy("alarms", "Every alarm notifies, itself or by a composite alarm.", _alarms),
]
