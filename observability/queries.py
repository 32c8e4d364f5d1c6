"""Saved queries of CloudWatch Logs Insights for the first look for a cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.naming import Names
from observability.quotas import LOG_GROUPS_OF_A_QUERY, split

# Functions log JSON; Lambda's own report of a call is a line of type platform.report ("Telemetry API event schema").
QUERIES: Mapping[str, str] = {
    # Newest first: what handlers logged as an error, and calls that Lambda ended.
    "errors": """\
fields @timestamp, level, message, errorType, errorMessage, reason, requestId, record.requestId, record.status, @log
| filter level in ["ERROR", "CRITICAL"] or (type = "platform.report" and record.status != "success")
| sort @timestamp desc
| limit 200""",
    # The calls that come closest to the timeout, and their cold starts.
    "slowest": """\
fields @timestamp, record.metrics.durationMs, record.metrics.initDurationMs, record.metrics.maxMemoryUsedMB,
    record.requestId, @log
| filter type = "platform.report"
| sort record.metrics.durationMs desc
| limit 50""",
    # The memory that each function uses.
    "memory": """\
filter type = "platform.report"
| stats count(*) as calls, max(record.metrics.memorySizeMB) as size_mb,
    avg(record.metrics.maxMemoryUsedMB) as average_mb, pct(record.metrics.maxMemoryUsedMB, 99) as p99_mb,
    max(record.metrics.maxMemoryUsedMB) as max_mb by @log""",
    # Why events were refused; the message's id finds the event in the dead-letter queue.
    "invalid-events": """\
fields @timestamp, reason, messageId
| filter message = "invalid event"
| sort @timestamp desc
| limit 200""",
}


@dataclass(frozen=True, kw_only=True)
class SavedQueriesArgs:
    """Names of the environment, and the log groups to query."""

    names: Names
    log_groups: Sequence[str]


class SavedQueries(pulumi.ComponentResource):
    """The saved queries of an environment, each over the logs of all functions, 50 at a time."""

    query_names: list[pulumi.Output[str]]

    def __init__(self, name: str, args: SavedQueriesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:observability:SavedQueries", name, None, opts)
        parts = list(enumerate(split(args.log_groups, LOG_GROUPS_OF_A_QUERY), start=1))
        self.query_names = [
            # The first part has the same name whether or not there are others.
            self._build(query if number == 1 else f"{query}-{number}", text, groups, args).name
            for query, text in QUERIES.items()
            for number, groups in parts
        ]
        self.register_outputs({"query_names": self.query_names})

    def _build(
        self, query: str, text: str, log_groups: Sequence[str], args: SavedQueriesArgs
    ) -> aws.cloudwatch.QueryDefinition:
        return aws.cloudwatch.QueryDefinition(
            f"query-{query}",
            name=args.names.of("query", query),
            query_string=text,
            log_group_names=list(log_groups),
            opts=pulumi.ResourceOptions(parent=self),
        )
