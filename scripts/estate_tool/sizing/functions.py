"""Functions of an account and what their logs tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from estate_tool.core.aws_errors import unless_forbidden
from estate_tool.core.errors import Failed
from estate_tool.core.retries import code_of
from estate_tool.core.text import counted
from estate_tool.sizing import report_lines
from estate_tool.sizing.evidence import Evidence
from foundation.catalog import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.metrics import Window

# "Working with Lambda log groups": where functions share a group, the stream's name has the function's in it.
_STREAM = re.compile(r"\d{4}/\d\d/\d\d/(?P<function>[^\[\]]+)\[")
_MISSING = "ResourceNotFoundException"


@dataclass(frozen=True, kw_only=True)
class AccountFunction:
    """A function of the account; `catalog_name` is its name in the catalog, None for one that is not of the estate."""

    name: str
    catalog_name: str | None
    memory_mb: int
    log_group: str
    writes_reports: bool
    changed: datetime
    architecture: str

    @property
    def critical(self) -> bool:
        """True if it has provisioned concurrency in the estate."""
        return any(function.critical and function.name == self.catalog_name for function in CATALOG.functions)

    @property
    def shown_name(self) -> str:
        """The name in results."""
        return self.catalog_name or self.name


@dataclass(frozen=True, kw_only=True)
class EvidenceRequest:
    """Question to sources of evidence; `progress` hears where a long answer stands."""

    environment: Environment
    function: AccountFunction
    window: Window
    progress: Callable[[str], None]


def find(environment: Environment, names: Sequence[str]) -> Iterator[AccountFunction]:
    """Yield the functions of these names, of the estate or any other of the account; without names, all of the estate.

    A name of the catalog (`ingest`) is that function of the environment, a pattern (`prod-*`) all of the account that
    it fits. Raises Failed for one that does not exist.
    """
    catalog_names = _catalog_names(environment)
    physical = {catalog_name: name for name, catalog_name in catalog_names.items()}
    client = environment.client("lambda")
    seen: set[str] = set()
    known = [str(one["FunctionName"]) for one in _listed(environment)] if any(map(is_pattern, names)) else []
    plain = [one for name in names or physical for one in _fitting(environment, known, name)]
    for name in dict.fromkeys(physical.get(name, name) for name in plain):
        try:
            found = client.get_function_configuration(FunctionName=name)
        except client.exceptions.ResourceNotFoundException as error:
            if name in catalog_names:
                raise
            raise Failed(
                f"there is no function {name} in the account of environment {environment.name}",
                "look at its name and region; functions of the estate go by their short names too: "
                + ", ".join(physical),
            ) from error
        # One function has many names: its ARN, that of an alias, the name with one.
        if found["FunctionName"] not in seen:
            seen.add(found["FunctionName"])
            yield _sized(found, catalog_names)


def is_pattern(name: str) -> bool:
    """True for a name that may stand for several functions."""
    return not set(name).isdisjoint("*?[")


def _fitting(environment: Environment, known: Sequence[str], name: str) -> list[str]:
    """Return the known functions of the account that a pattern fits, or the name itself if it is none."""
    if not is_pattern(name):
        return [name]
    fitting = [one for one in known if fnmatchcase(one, name)]
    if fitting:
        return fitting
    raise Failed(
        f"no function in the account of environment {environment.name} fits {name}",
        "look at its region; a pattern in quotes reaches the tool as it is: 'prod-*'",
    )


def find_all(environment: Environment, tags: Mapping[str, str] | None = None) -> Iterator[AccountFunction]:
    """Yield every function of the account in the environment's region that has these tags, by name."""
    catalog_names = _catalog_names(environment)
    tagged = _tagged(environment, tags) if tags else None
    for function in _listed(environment):
        if tagged is None or function["FunctionArn"] in tagged:
            yield _sized(function, catalog_names)


def _listed(environment: Environment) -> list[dict[str, Any]]:
    pages = environment.client("lambda").get_paginator("list_functions").paginate()
    found = [function for page in pages for function in page["Functions"]]
    return sorted(found, key=lambda one: str(one["FunctionName"]))


def _tagged(environment: Environment, tags: Mapping[str, str]) -> set[str]:
    """Return the ARNs of the functions with all these tags; raise Failed if there are none."""
    pages = environment.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(
        ResourceTypeFilters=["lambda:function"],
        TagFilters=[{"Key": key, "Values": [value]} for key, value in tags.items()],
    )  # fmt: skip
    found = {str(one["ResourceARN"]) for page in pages for one in page["ResourceTagMappingList"]}
    if not found:
        wanted = ", ".join(f"{key}={value}" for key, value in tags.items())
        raise Failed(
            f"no function in the account of environment {environment.name} is tagged {wanted}",
            "tags are case-sensitive",
        )
    return found


def _catalog_names(environment: Environment) -> dict[str, str]:
    """Return the names in the catalog by physical name."""
    return {environment.names.function(function.name): function.name for function in CATALOG.functions}


def _sized(found: dict[str, Any], catalog_names: dict[str, str]) -> AccountFunction:
    logging, name = found.get("LoggingConfig") or {}, str(found["FunctionName"])
    as_json = logging.get("LogFormat") == "JSON"
    return AccountFunction(
        name=name,
        catalog_name=catalog_names.get(name),
        memory_mb=int(found.get("MemorySize", 128)),
        log_group=logging.get("LogGroup") or f"/aws/lambda/{name}",
        # "Configuring JSON and plain text log formats": with the system's log level at WARN there are no reports.
        writes_reports=not as_json or logging.get("SystemLogLevel", "INFO") != "WARN",
        changed=datetime.fromisoformat(found["LastModified"]).astimezone(UTC),
        architecture=(found.get("Architectures") or ["x86_64"])[0],
    )


def measure(
    environment: Environment,
    function: AccountFunction,
    window: Window,
    progress: Callable[[str], None],
    size_mb: int | None = None,
) -> Evidence:
    """Read the function's log group in the window; nothing when there is no such group.

    With `size_mb`, only about invocations that had this much memory.
    """
    evidence, read = Evidence(size_mb), 0
    try:
        for page in _pages(environment, function, window):
            evidence.add_lines(message for _, message in page)
            evidence.seen_since(page[0][0] if page else None)
            read += len(page)
            progress(f"{function.shown_name}: {counted(read, 'report')} read")
    except Exception as error:
        if code_of(error) != _MISSING:
            raise
    return evidence


def log_groups(environment: Environment, functions: Sequence[AccountFunction]) -> dict[str, dict[str, Any]]:
    """Return the functions' log groups as AWS describes them, by name; none where access is denied."""
    wanted = {function.log_group for function in functions}
    pages = environment.client("logs").get_paginator("describe_log_groups").paginate()
    found, _ = unless_forbidden(lambda: [group for page in pages for group in page["logGroups"]])
    return {str(group["logGroupName"]): group for group in found or () if group["logGroupName"] in wanted}


def _pages(environment: Environment, function: AccountFunction, window: Window) -> Iterator[list[tuple[int, str]]]:
    """Yield pages of times, in milliseconds since 1970 and in order, and messages."""
    pages = environment.client("logs").get_paginator("filter_log_events").paginate(
        logGroupName=function.log_group,
        filterPattern=report_lines.FILTER_PATTERN,
        startTime=window.start_ms,
        endTime=window.end_ms,
    )  # fmt: skip
    for page in pages:
        yield sorted(
            (int(event.get("timestamp") or 0), event["message"])
            for event in page["events"]
            if _is_of(function.name, str(event.get("logStreamName", "")))
        )


def _is_of(function: str, stream: str) -> bool:
    named = _STREAM.match(stream)
    return named is None or named["function"] == function
