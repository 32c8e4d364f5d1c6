"""Inventory of one region, read through the AWS APIs; parts that may not be read are left out, and listed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from botocore.exceptions import ClientError

from estate_tool.audit import alarms, evidence, packages, senders, tables
from estate_tool.audit.access import unqualified
from estate_tool.audit.model import EventSourceMapping, Function, Inventory, LogGroup, Queue, Role
from estate_tool.core.aws_errors import unless_forbidden
from estate_tool.core.retries import code_of
from foundation.guardrails.documents import entries, redrive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from estate_tool.audit.reader import Reader
    from estate_tool.monitoring.metrics import Window

Item = TypeVar("Item")
Result = TypeVar("Result")
# Calls at once; AWS Lambda answers a hundred reads a second ("Lambda quotas"), the rest is repeated.
WORKERS = 8
_GONE = {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchEntity"}


class Collector:
    """Reader of one region. `progress` reports how far it is; `unread` lists the parts that were denied."""

    def __init__(self, reader: Reader, progress: Callable[[str], None]) -> None:
        self.reader = reader
        self.progress = progress
        self.unread: list[str] = []

    def inventory(self, window: Window, *, with_packages: bool = False) -> Inventory:
        """Return the inventory that the checks take; raise ClientError when the account itself can't be read."""
        account = self.account()
        functions = self.functions(self.listed_functions())
        pages = self.reader.pages
        topics = self.part("topics", lambda: pages("sns", "list_topics", "Topics"), [])
        subscriptions = self.part("subscriptions", lambda: pages("sns", "list_subscriptions", "Subscriptions"), [])
        return Inventory(
            account=account,
            region=self.reader.region,
            functions=functions,
            mappings=self.mappings(),
            tables=self.part("tables", lambda: tables.read(self, window), ()),
            queues=self.part("queues", lambda: self.queues(self.queue_urls()), ()),
            topics=tuple(one["TopicArn"] for one in topics),
            subscriptions=tuple((one["TopicArn"], one["Endpoint"]) for one in subscriptions),
            notifications=self.part("notifications of buckets", lambda: senders.notifications(self), ()),
            other_failure_queues=senders.failure_queues(self, subscriptions),
            log_groups=self.part("log groups", self._log_groups, ()),
            roles=self.roles(functions),
            watched=self.part("alarms", lambda: alarms.watched(self.reader), frozenset()),
            tags=self.part("tags", self._tags, {}),
            usage=self.part("reports in logs", lambda: evidence.usage(self, functions, window), {}),
            provisioned_use=self.part("metrics", lambda: evidence.provisioned_use(self, functions, window), {}),
            provisioned_floor=self.part("scaling", lambda: evidence.provisioned_floor(self.reader), {}),
            packages=self.part("code", lambda: self._packages(functions), {}) if with_packages else {},
            window_days=window.seconds / 86_400,
            unread=tuple(self.unread),
        )

    def each(self, label: str, items: Iterable[Item], read: Callable[[Item], Result | None]) -> list[Result]:
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
                self.progress(f"{label}: {number:,} of {len(todo):,}")
                if result is not None:
                    results.append(result)
        return results

    def part(self, label: str, read: Callable[[], Result], default: Result) -> Result:
        """Return the result of `read`; `default`, with a line in `unread`, where the credentials do not allow it."""
        self.progress(label)
        found, forbidden = unless_forbidden(read)
        if forbidden:
            self.unread.append(f"{label}: {forbidden.response['Error'].get('Message') or code_of(forbidden)}")
        return default if found is None else found

    def account(self) -> str:
        """Return the account's number."""
        return str(self.reader.client("sts").get_caller_identity()["Account"])

    def listed_functions(self) -> list[Mapping[str, Any]]:
        """Return the functions as ListFunctions does."""
        return self.reader.pages("lambda", "list_functions", "Functions")

    def functions(self, listed: Iterable[Mapping[str, Any]]) -> tuple[Function, ...]:
        """Return functions of ListFunctions with the results of further calls."""
        return tuple(self.each("functions", listed, self._function))

    def _function(self, found: Mapping[str, Any]) -> Function:
        client, name = self.reader.client("lambda"), str(found["FunctionName"])
        invoke = self.reader.pages(
            "lambda", "list_function_event_invoke_configs", "FunctionEventInvokeConfigs", FunctionName=name
        )
        destinations = [entry.get("DestinationConfig") or {} for entry in invoke]
        provisioned = self.reader.pages(
            "lambda", "list_provisioned_concurrency_configs", "ProvisionedConcurrencyConfigs", FunctionName=name
        )
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
            failures_to=_targets(destinations, "OnFailure", (found.get("DeadLetterConfig") or {}).get("TargetArn")),
            succeeds_to=_targets(destinations, "OnSuccess"),
            policy=tuple(self._resource_policy(name)),
            provisioned={
                entry["FunctionArn"].rpartition(":")[2]: int(entry["RequestedProvisionedConcurrentExecutions"])
                for entry in provisioned
            },
            reserved=client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions"),
            settings=found,
        )

    def _resource_policy(self, name: str) -> list[Mapping[str, Any]]:
        try:
            return _statements(self.reader.client("lambda").get_policy(FunctionName=name)["Policy"])
        except ClientError as error:
            if code_of(error) in _GONE:  # it has none
                return []
            raise

    def mappings(self) -> tuple[EventSourceMapping, ...]:
        """Return the event source mappings of the region."""
        listed = self.part(
            "event source mappings",
            lambda: self.reader.pages("lambda", "list_event_source_mappings", "EventSourceMappings"), [],
        )  # fmt: skip
        return tuple(
            EventSourceMapping(
                function=unqualified(found["FunctionArn"]),
                source=found.get("EventSourceArn") or "",
                enabled=found.get("State") not in ("Disabled", "Disabling"),
                retries=found.get("MaximumRetryAttempts"),
                age_seconds=found.get("MaximumRecordAgeInSeconds"),
                failures_to=((found.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination") or "",
                settings=found,
            )
            for found in listed
        )

    def queue_urls(self) -> list[str]:
        """Return the URLs of the region's queues."""
        return self.reader.pages("sqs", "list_queues", "QueueUrls")

    def queues(self, urls: Iterable[str]) -> tuple[Queue, ...]:
        """Return the queues of these URLs."""
        return tuple(self.each("queues", urls, self._queue))

    def _queue(self, url: str) -> Queue:
        client = self.reader.client("sqs")
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        redriven = redrive(found.get("RedrivePolicy"))
        waiting = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return Queue(
            name=url.rpartition("/")[2],
            arn=found["QueueArn"],
            url=url,
            visibility_seconds=int(found.get("VisibilityTimeout", 30)),
            retention_seconds=int(found.get("MessageRetentionPeriod", 345_600)),
            messages=sum(int(found.get(name, 0)) for name in waiting),
            dead_letters_to=redriven.target,
            max_receives=redriven.max_receives,
            settings=found,
        )

    def _log_groups(self) -> tuple[LogGroup, ...]:
        return tuple(
            LogGroup(
                name=found["logGroupName"],
                retention_days=found.get("retentionInDays"),
                stored_bytes=int(found.get("storedBytes", 0)),
            )
            for found in self.reader.pages("logs", "describe_log_groups", "logGroups")
        )

    def roles(self, functions: Iterable[Function]) -> tuple[Role, ...]:
        """Return the roles of the functions, with all their statements."""
        arns = sorted({function.role for function in functions})
        return self.part("roles", lambda: tuple(self.each("roles", arns, self._role)), ())

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
        read = self.each("packages", functions, lambda one: (one.name, packages.modules(self.reader, one)))
        return dict(read)


def _targets(destinations: Iterable[Mapping[str, Any]], kind: str, *more: str | None) -> tuple[str, ...]:
    named = [(entry.get(kind) or {}).get("Destination") for entry in destinations]
    return tuple(dict.fromkeys(arn for arn in (*more, *named) if arn))


def _statements(document: Any) -> list[Mapping[str, Any]]:
    return entries(json.loads(unquote(document)) if isinstance(document, str) else document)
