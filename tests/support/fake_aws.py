"""Outputs that AWS adds to a resource's inputs: ids, ARNs, URLs, versions; enough for one layer to hand to the next."""

from collections.abc import Callable, Mapping
from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"

Inputs = Mapping[str, Any]
Computed = dict[str, Any]


def arn(service: str, resource: str, *, region: str = REGION) -> str:
    """An ARN in the account of the tests."""
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def _role(name: str, inputs: Inputs) -> Computed:
    del inputs
    return {"id": name, "arn": arn("iam", f"role/{name}", region=""), "uniqueId": "AROA" + "0" * 17}


def _table(name: str, inputs: Inputs) -> Computed:
    table = arn("dynamodb", f"table/{name}")
    # Without a stream the provider leaves the output out.
    stream = {"streamArn": f"{table}/stream/2026-01-01T00:00:00.000"} if inputs.get("streamEnabled") else {}
    return {"id": name, "arn": table, **stream}


def _queue(name: str, inputs: Inputs) -> Computed:
    del inputs
    url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
    return {"id": url, "arn": arn("sqs", name), "url": url}


def _function(name: str, inputs: Inputs) -> Computed:
    version = "7" if inputs.get("publish") else "$LATEST"
    function = arn("lambda", f"function:{name}")
    return {"id": name, "arn": function, "version": version, "qualifiedArn": f"{function}:{version}"}


def _alias(name: str, inputs: Inputs) -> Computed:
    function = str(inputs["functionName"]).removeprefix(arn("lambda", "function:"))
    alias = arn("lambda", f"function:{function}:{name}")
    return {"id": alias, "arn": alias}


def _url(name: str, inputs: Inputs) -> Computed:
    address = f"https://{'a' * 32}.lambda-url.{REGION}.on.aws/"
    return {"id": f"{inputs['functionName']}/{inputs['qualifier']}", "functionUrl": address, "urlId": "a" * 32}


def _mapping(name: str, inputs: Inputs) -> Computed:
    del name, inputs
    uuid = "0f0e0d0c-0000-4000-8000-000000000000"
    return {"id": uuid, "uuid": uuid, "arn": arn("lambda", f"event-source-mapping:{uuid}")}


def _target(name: str, inputs: Inputs) -> Computed:
    return {"id": name, "arn": arn("application-autoscaling", f"scalable-target/{0:032x}"), **inputs}


def _arn_of(service: str, kind: str) -> Callable[[str, Inputs], Computed]:
    def computed(name: str, inputs: Inputs) -> Computed:
        del inputs
        return {"id": name, "arn": arn(service, f"{kind}{name}")}

    return computed


def _dashboard(name: str, inputs: Inputs) -> Computed:
    del inputs
    return {"id": name, "dashboardArn": arn("cloudwatch", f"dashboard/{name}", region="")}


_COMPUTED: Mapping[str, Callable[[str, Inputs], Computed]] = {
    "aws:iam/role:Role": _role,
    "aws:dynamodb/table:Table": _table,
    "aws:sqs/queue:Queue": _queue,
    "aws:lambda/function:Function": _function,
    "aws:lambda/alias:Alias": _alias,
    "aws:lambda/functionUrl:FunctionUrl": _url,
    "aws:lambda/eventSourceMapping:EventSourceMapping": _mapping,
    "aws:scheduler/scheduleGroup:ScheduleGroup": _arn_of("scheduler", "schedule-group/"),
    "aws:cloudwatch/logGroup:LogGroup": _arn_of("logs", "log-group:"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _arn_of("cloudwatch", "alarm:"),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _arn_of("cloudwatch", "alarm:"),
    "aws:cloudwatch/dashboard:Dashboard": _dashboard,
    "aws:sns/topic:Topic": _arn_of("sns", ""),
    "aws:appautoscaling/target:Target": _target,
}

INVOKES: Mapping[str, Computed] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {
        "accountId": ACCOUNT,
        "arn": arn("iam", "user/tester", region=""),
        "id": ACCOUNT,
        "userId": "AIDA" + "0" * 17,
    },
    "aws:index/getRegion:getRegion": {
        "region": REGION,
        "id": REGION,
        "description": "US East (N. Virginia)",
        "endpoint": f"ec2.{REGION}.amazonaws.com",
    },
    "aws:index/getPartition:getPartition": {
        "partition": "aws",
        "id": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    },
}


def created(type_: str, logical_name: str, inputs: Inputs) -> tuple[str, Computed]:
    """The id and outputs of a resource AWS has made from these inputs; without a name it gets one of its own."""
    name = str(inputs.get("name") or inputs.get("alarmName") or f"{logical_name}-0a1b2c3")
    computed = _COMPUTED[type_](name, inputs) if type_ in _COMPUTED else {"id": name}
    return str(computed["id"]), {**inputs, "name": name, **computed}
