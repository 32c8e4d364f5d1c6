"""Inventory of one region, read through the AWS APIs; what the credentials may not read is left out, and listed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from botocore.exceptions import ClientError

from estate_tool.audit import alarms, evidence, senders, tables
from estate_tool.audit.access import is_of_url
from estate_tool.audit.model import URL, EventSourceMapping, Function, Inventory, LogGroup, Queue, Role
from estate_tool.core.aws_errors import unless_forbidden
from estate_tool.core.retries import code_of
from foundation.guardrails.documents import entries, listed, redrive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from estate_tool.audit.reader import Reader
    from estate_tool.monitoring.metrics import Window

Item = TypeVar("Item")
Result = TypeVar("Result")
# Calls at once; AWS Lambda answers a hundred reads a second ("Lambda quotas"), the rest is repeated.
WORKERS = 8
_GONE = {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchEntity"}


class Collector:
    """Reads one region. `progress` reports how far it is; `unread` lists what was denied."""

    def __init__(self, reader: Reader, progress: Callable[[str], None]) -> None:
        self.reader = reader
        self.progress = progress
        self.unread: list[str] = []

    def inventory(self, window: Window, *, with_packages: bool = False) -> Inventory:
        """Return everything the checks look at; raise ClientError when the account itself can't be read."""
        account = self.reader.client("sts").get_caller_identity()["Account"]
        functions = self._functions()
        found = self.part("log groups", self._log_groups, ())
        return Inventory(
            account=account,
            region=self.reader.region,
            functions=functions,
            mappings=self.part("event source mappings", self._mappings, ()),
            tables=self.part("tables", lambda: tables.read(self.reader, window, self.each), ()),
            queues=self.part("queues", self._queues, ()),
            topics=self.part("topics", self._topics, ()),
            subscriptions=self.part("subscriptions", self._subscriptions, ()),
            notifications=self.part("notifications of buckets", lambda: senders.notifications(self), ()),
            others_failures=senders.dead_letters(self),
            log_groups=found,
            roles=self.part("roles", lambda: self.roles({function.role for function in functions}), ()),
            watched=self.part("alarms", lambda: alarms.watched(self.reader), frozenset()),
            tags=self.part("tags", self._tags, {}),
            usage=self.part("reports in logs", lambda: evidence.usage(self, functions, window), {}),
            provisioned_use=self.part("metrics", lambda: evidence.provisioned_use(self, functions, window), {}),
            provisioned_floor=self.part("scaling", lambda: evidence.provisioned_floor(self.reader), {}),
            packages=self.part("code", lambda: self._packages(functions), {}) if with_packages else {},
            window_days=window.seconds / 86_400,
            unread=tuple(self.unread),
        )

    def each(self, what: str, items: Iterable[Item], read: Callable[[Item], Result | None]) -> list[Result]:
        """Return `read` of every item, several at once; items that vanish meanwhile are left out."""
        todo, results = list(items), list[Result]()

        def one(item: Item) -> Result | None:
            try:
                return read(item)
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise
                return None

        with ThreadPoolExecutor(max_workers=WORKERS) as pool:
            for number, result in enumerate(pool.map(one, todo), start=1):
                self.progress(f"{what}: {number:,} of {len(todo):,}")
                if result is not None:
                    results.append(result)
        return results

    def part(self, what: str, read: Callable[[], Result], nothing: Result) -> Result:
        """Return what `read` does, or `nothing` with a line in `unread` where the credentials do not allow it."""
        self.progress(what)
        found, forbidden = unless_forbidden(read)
        if forbidden:
            self.unread.append(f"{what}: {forbidden.response['Error'].get('Message') or code_of(forbidden)}")
        return nothing if found is None else found

    def _functions(self) -> tuple[Function, ...]:
        listed = self.reader.pages("lambda", "list_functions", "Functions")
        return tuple(self.each("functions", listed, self.function))

    def function(self, found: Mapping[str, Any], policy: Sequence[Mapping[str, Any]] | None = None) -> Function:
        """Return one function of ListFunctions with the results of further calls.

        `policy` has the statements of its resource policy; they are read where they are not given.
        """
        client, name = self.reader.client("lambda"), str(found["FunctionName"])
        invoke = self.reader.pages(
            "lambda", "list_function_event_invoke_configs", "FunctionEventInvokeConfigs", FunctionName=name
        )
        destinations = [entry.get("DestinationConfig") or {} for entry in invoke]
        dead_letters = (found.get("DeadLetterConfig") or {}).get("TargetArn")
        provisioned = self.reader.pages(
            "lambda", "list_provisioned_concurrency_configs", "ProvisionedConcurrencyConfigs", FunctionName=name
        )
        reserved = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        return Function(
            name=name,
            arn=found["FunctionArn"],
            memory_mb=int(found.get("MemorySize", 128)),
            timeout_seconds=int(found.get("Timeout", 3)),
            architecture=(found.get("Architectures") or ["x86_64"])[0],
            role=found["Role"],
            code_sha256=found.get("CodeSha256", ""),
            log_group=(found.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}",
            environment=(found.get("Environment") or {}).get("Variables") or {},
            failures_to=_targets(destinations, "OnFailure", dead_letters),
            succeeds_to=_targets(destinations, "OnSuccess"),
            invokers=_invokers(self.resource_policy(name) if policy is None else policy),
            provisioned={
                entry["FunctionArn"].rpartition(":")[2]: int(entry["RequestedProvisionedConcurrentExecutions"])
                for entry in provisioned
            },
            reserved=reserved,
        )

    def resource_policy(self, name: str) -> list[Mapping[str, Any]]:
        """Return the statements of a function's resource policy, none where it has no policy."""
        try:
            return _statements(self.reader.client("lambda").get_policy(FunctionName=name)["Policy"])
        except ClientError as error:
            if code_of(error) in _GONE:
                return []
            raise

    def listed_mappings(self) -> list[Mapping[str, Any]]:
        """Return the event source mappings as they are listed."""
        return self.reader.pages("lambda", "list_event_source_mappings", "EventSourceMappings")

    def _mappings(self) -> tuple[EventSourceMapping, ...]:
        return tuple(
            EventSourceMapping(
                function=found["FunctionArn"].split(":")[6],
                source=found["EventSourceArn"],
                enabled=found.get("State") not in ("Disabled", "Disabling"),
                retries=found.get("MaximumRetryAttempts"),
                age_seconds=found.get("MaximumRecordAgeInSeconds"),
                failures_to=((found.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination") or "",
            )
            for found in self.listed_mappings()
            if found.get("EventSourceArn")
        )

    def _queues(self) -> tuple[Queue, ...]:
        urls = self.reader.pages("sqs", "list_queues", "QueueUrls")
        return tuple(self.each("queues", urls, self._queue))

    def _queue(self, url: str) -> Queue:
        return queue_of(url, self.queue_attributes(url))

    def queue_attributes(self, url: str) -> dict[str, str]:
        """Return the attributes of a queue."""
        client = self.reader.client("sqs")
        found: dict[str, str] = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return found

    def _topics(self) -> tuple[str, ...]:
        return tuple(topic["TopicArn"] for topic in self.reader.pages("sns", "list_topics", "Topics"))

    @cached_property
    def listed_subscriptions(self) -> list[Mapping[str, Any]]:
        """The subscriptions as they are listed."""
        return self.reader.pages("sns", "list_subscriptions", "Subscriptions")

    def _subscriptions(self) -> tuple[tuple[str, str], ...]:
        listed = self.listed_subscriptions
        return tuple((found["TopicArn"], found["Endpoint"]) for found in listed)

    def _log_groups(self) -> tuple[LogGroup, ...]:
        listed = self.reader.pages("logs", "describe_log_groups", "logGroups")
        return tuple(
            LogGroup(
                name=found["logGroupName"],
                retention_days=found.get("retentionInDays"),
                stored_bytes=int(found.get("storedBytes", 0)),
            )
            for found in listed
        )

    def roles(self, arns: Iterable[str]) -> tuple[Role, ...]:
        """Return the roles of these ARNs with all their statements."""
        return tuple(self.each("roles", sorted(arns), self._role))

    def _role(self, arn: str) -> Role:
        client, name = self.reader.client("iam"), arn.rpartition("/")[2]
        statements: list[tuple[str, Mapping[str, Any]]] = []
        for policy in self.reader.pages("iam", "list_role_policies", "PolicyNames", RoleName=name):
            document = client.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            statements += [(policy, statement) for statement in _statements(document)]
        for attached in self.reader.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name):
            version = client.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
            found = client.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)["PolicyVersion"]
            statements += [(attached["PolicyName"], statement) for statement in _statements(found["Document"])]
        trust = client.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        return Role(name=name, arn=arn, statements=tuple(statements), trust=tuple(_statements(trust)))

    def _tags(self) -> dict[str, dict[str, str]]:
        listed = self.reader.pages("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList")
        return {found["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])} for found in listed}

    def _packages(self, functions: Iterable[Function]) -> dict[str, dict[str, str]]:
        from estate_tool.audit.packages import modules

        return dict(self.each("packages", functions, lambda function: (function.name, modules(self.reader, function))))


def queue_of(url: str, found: Mapping[str, str]) -> Queue:
    """Return a queue from its URL and attributes."""
    redriven = redrive(found.get("RedrivePolicy"))
    waiting = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return Queue(
        name=url.rpartition("/")[2],
        arn=found["QueueArn"],
        visibility_seconds=int(found.get("VisibilityTimeout", 30)),
        retention_seconds=int(found.get("MessageRetentionPeriod", 345_600)),
        messages=sum(int(found.get(name, 0)) for name in waiting),
        dead_letters_to=redriven.target,
        max_receives=redriven.max_receives,
    )


def _invokers(policy: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return the services that a function's resource policy lets call it, and URL where its address may."""
    services = [listed(one["Service"]) for one in (statement.get("Principal") for statement in policy)
                if isinstance(one, dict) and "Service" in one]  # fmt: skip
    addressed = any(map(is_of_url, policy))
    return frozenset((*(name for several in services for name in several), *([URL] if addressed else [])))


def _targets(destinations: Iterable[Mapping[str, Any]], kind: str, *more: str | None) -> tuple[str, ...]:
    named = [(entry.get(kind) or {}).get("Destination") for entry in destinations]
    return tuple(dict.fromkeys(arn for arn in (*more, *named) if arn))


def _statements(document: Any) -> list[Mapping[str, Any]]:
    return entries(json.loads(unquote(document)) if isinstance(document, str) else document)
