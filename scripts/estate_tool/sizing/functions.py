"""Functions of the estate and of its account, and their log groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from estate_tool.core.aws_errors import unless_forbidden
from estate_tool.core.errors import Failed
from foundation.catalog import CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from estate_tool.core.environment import Environment

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, kw_only=True)
class AccountFunction:
    """A function of the account; `catalog_name` is its name in the catalog, None for one that is not of the estate."""

    name: str
    memory_mb: int
    log_group: str
    architecture: str
    catalog_name: str | None = None
    writes_reports: bool = True
    changed: datetime = _EPOCH

    @property
    def critical(self) -> bool:
        """True if it has provisioned concurrency in the estate."""
        return any(function.critical and function.name == self.catalog_name for function in CATALOG.functions)

    @property
    def shown_name(self) -> str:
        """The name in results."""
        return self.catalog_name or self.name


def find(environment: Environment, names: Sequence[str]) -> list[AccountFunction]:
    """Return the functions of these names, of the estate or any other of the account; without names, all of the estate.

    A name of the catalog (`ingest`) is that function of the environment, a pattern (`prod-*`) all of the account that
    it fits. Raises Failed for one that does not exist.
    """
    catalog_names = _catalog_names(environment)
    physical = {catalog_name: name for name, catalog_name in catalog_names.items()}
    every = _listed(environment) if any(map(_is_pattern, names)) else []
    wanted = [physical.get(one, one) for name in names or physical for one in _fitting(environment, every, name)]
    client = environment.client("lambda")
    # One function has many names: its ARN, that of an alias, the name with one.
    found: dict[str, AccountFunction] = {}
    for name in dict.fromkeys(wanted):
        try:
            function = _function(client.get_function_configuration(FunctionName=name), catalog_names)
        except client.exceptions.ResourceNotFoundException as error:
            if name in catalog_names:
                raise
            raise Failed(
                f"there is no function {name} in the account of environment {environment.name}",
                "look at its name and region; functions of the estate go by their short names too: "
                + ", ".join(physical),
            ) from error
        found.setdefault(function.name, function)
    return list(found.values())


def _is_pattern(name: str) -> bool:
    return not set(name).isdisjoint("*?[")


def _fitting(environment: Environment, every: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """Return the names of the account's functions that a pattern fits, or the name itself if it is none."""
    if not _is_pattern(name):
        return [name]
    fitting = [one["FunctionName"] for one in every if fnmatchcase(one["FunctionName"], name)]
    if fitting:
        return fitting
    raise Failed(
        f"no function in the account of environment {environment.name} fits {name}",
        "look at its region; a pattern in quotes reaches the tool as it is: 'prod-*'",
    )


def find_all(environment: Environment, tags: Mapping[str, str] | None = None) -> list[AccountFunction]:
    """Return every function of the account in the environment's region that has these tags, by name."""
    catalog_names = _catalog_names(environment)
    tagged = _tagged(environment, tags) if tags else None
    return [
        _function(one, catalog_names) for one in _listed(environment) if tagged is None or one["FunctionArn"] in tagged
    ]


def _listed(environment: Environment) -> list[dict[str, Any]]:
    pages = environment.client("lambda").get_paginator("list_functions").paginate()
    return sorted((one for page in pages for one in page["Functions"]), key=itemgetter("FunctionName"))


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


def _function(found: Mapping[str, Any], catalog_names: Mapping[str, str]) -> AccountFunction:
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


def log_groups(environment: Environment, functions: Sequence[AccountFunction]) -> dict[str, dict[str, Any]]:
    """Return the functions' log groups as AWS describes them, by name; none if access is denied."""
    wanted = {function.log_group for function in functions}
    pages = environment.client("logs").get_paginator("describe_log_groups").paginate()
    found, _ = unless_forbidden(lambda: [group for page in pages for group in page["logGroups"]])
    return {str(group["logGroupName"]): group for group in found or () if group["logGroupName"] in wanted}
