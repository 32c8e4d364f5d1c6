"""Resources of an environment, as the APIs of AWS list them: Pulumi's state is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_SCALED = ("dynamodb", "lambda")


def listed(client: Callable[[str], Any], suffix: str) -> dict[str, list[str]]:
    """Return names by kind of resource, of those whose name (or whose owner's) ends with the environment's suffix.

    Kinds without resources are left out. `client` creates a boto3 client of a service.
    """
    everything = {**_data(client), **_compute(client), **_autoscaling(client), **_observability(client)}
    ours = {kind: [name for name in names if _belongs(name, suffix)] for kind, names in everything.items()}
    return {kind: sorted(names) for kind, names in ours.items() if names}


def _belongs(name: str, suffix: str) -> bool:
    """True if a name ends with the suffix, also in front of a stream's, alias's or policy's own part."""
    parts = name.replace("|", "/").replace(":", "/").split("/")
    return any(part.endswith(f"-{suffix}") for part in parts)


def _data(client: Callable[[str], Any]) -> dict[str, list[str]]:
    dynamodb, streams, sqs = client("dynamodb"), client("dynamodbstreams"), client("sqs")
    tables = dynamodb.get_paginator("list_tables").paginate().build_full_result()["TableNames"]
    live_streams = [
        stream["StreamArn"]
        for stream in streams.list_streams()["Streams"]
        if streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["StreamStatus"] != "DISABLED"
    ]
    queues = sqs.get_paginator("list_queues").paginate().build_full_result().get("QueueUrls", [])
    return {"tables": tables, "streams": live_streams, "queues": queues}


def _compute(client: Callable[[str], Any]) -> dict[str, list[str]]:
    functions = client("lambda")
    mappings = functions.get_paginator("list_event_source_mappings").paginate().build_full_result()
    roles = client("iam").get_paginator("list_roles").paginate().build_full_result()["Roles"]
    names = functions.get_paginator("list_functions").paginate().build_full_result()["Functions"]
    groups = client("logs").get_paginator("describe_log_groups").paginate().build_full_result()["logGroups"]
    scheduler = client("scheduler")
    return {
        "schedule groups": [one["Name"] for one in scheduler.list_schedule_groups()["ScheduleGroups"]],
        "schedules": [one["Name"] for one in scheduler.list_schedules()["Schedules"]],
        "functions": [function["FunctionName"] for function in names],
        "event source mappings": [mapping["FunctionArn"] for mapping in mappings["EventSourceMappings"]],
        "roles": [role["RoleName"] for role in roles],
        "log groups": [group["logGroupName"] for group in groups],
    }


def _autoscaling(client: Callable[[str], Any]) -> dict[str, list[str]]:
    scaling = client("application-autoscaling")
    found: dict[str, list[str]] = {"scalable targets": [], "scaling policies": [], "scheduled actions": []}
    for namespace in _SCALED:
        for kind, operation, key in (
            ("scalable targets", "describe_scalable_targets", "ScalableTargets"),
            ("scaling policies", "describe_scaling_policies", "ScalingPolicies"),
            ("scheduled actions", "describe_scheduled_actions", "ScheduledActions"),
        ):
            answer = getattr(scaling, operation)(ServiceNamespace=namespace)
            # A target may have several actions.
            found[kind] += [
                f"{entry['ResourceId']}|{entry.get('ScheduledActionName') or entry['ScalableDimension']}"
                for entry in answer[key]
            ]
    return found


def _observability(client: Callable[[str], Any]) -> dict[str, list[str]]:
    cloudwatch = client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"] + page["CompositeAlarms"]]
    queries = client("logs").describe_query_definitions()["queryDefinitions"]
    return {
        "alarms": [alarm["AlarmName"] for alarm in alarms],
        "dashboards": [entry["DashboardName"] for entry in cloudwatch.list_dashboards()["DashboardEntries"]],
        "topics": [topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]],
        "saved queries": [query["name"] for query in queries],
        "metric filters": [entry["filterName"] for entry in client("logs").describe_metric_filters()["metricFilters"]],
    }
