"""Coverage of an environment's resources by the cost-allocation tags, as AWS has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from estate_tool.core.aws_errors import unless_not_found
from estate_tool.core.errors import Failed
from estate_tool.core.resource_types import RESOURCE_TYPES, TagListing
from foundation.naming import TAG_KEYS

_AT_ONCE = 16
_POLL_SECONDS = 300.0


TAGGABLE: Mapping[str, TagListing] = {
    token: known.tags for token, known in RESOURCE_TYPES.items() if isinstance(known.tags, TagListing)
}
# Of a type without an entry: the Resource Groups Tagging API knows most services' resources by their ARNs.
_ANY = TagListing("resourcegroupstaggingapi", "get_resources", "ResourceARNList")
UNTAGGABLE: Mapping[str, str] = {
    token: known.tags for token, known in RESOURCE_TYPES.items() if isinstance(known.tags, str)
}


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """A taggable resource, the tag keys that have no value, and values other than declared."""

    urn: str
    missing: tuple[str, ...]
    different: Mapping[str, str]

    @property
    def resource(self) -> str:
        """The resource's logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def complete(self) -> bool:
        """True if all is as declared."""
        return not self.missing and not self.different


def coverage(client: Callable[[str], Any], resources: Sequence[Mapping[str, Any]]) -> list[Tagged]:
    """Return the tags of every taggable resource of a state, asked from AWS."""
    taggable = [resource for resource in resources if is_taggable(resource)]
    for service in {_listing(resource["type"]).service for resource in taggable}:
        client(service)  # made here: making clients is not safe in threads
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda resource: _tagged(client, resource), taggable))


def is_taggable(resource: Mapping[str, Any]) -> bool:
    """Return True if a resource of a state has tags in AWS; of an unknown type, if the provider reports some."""
    kind, outputs = resource["type"], resource["outputs"]
    return kind in TAGGABLE or (kind not in UNTAGGABLE and "tagsAll" in outputs and "arn" in outputs)


def _listing(type_: str) -> TagListing:
    return TAGGABLE.get(type_, _ANY)


def _tagged(client: Callable[[str], Any], resource: Mapping[str, Any]) -> Tagged:
    declared = resource["inputs"].get("tags") or {}
    live = tags_of(client, resource["type"], resource["outputs"])
    missing = tuple(key for key in TAG_KEYS if not live.get(key))
    different = {key: live[key] for key, value in declared.items() if live.get(key) and live[key] != value}
    return Tagged(urn=resource["urn"], missing=missing, different=different)


def tags_of(client: Callable[[str], Any], type_: str, outputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags a resource has in AWS; of one that is gone, none."""
    listing = _listing(type_)
    aws, named = client(listing.service), outputs[listing.key]
    asked = {listing.parameter: [named] if listing is _ANY else named}
    answer = unless_not_found(lambda: getattr(aws, listing.operation)(**asked)) or {}
    answer = (answer.get("ResourceTagMappingList") or [{}])[0] if listing is _ANY else answer
    found = next((answer[name] for name in ("Tags", "tags", "ResourceTags") if name in answer), None) or {}
    return found if isinstance(found, dict) else {tag["Key"]: tag["Value"] for tag in found}


def statuses(cost_explorer: Any) -> dict[str, str]:
    """Return the status of each tag key in Billing: Active (a column of costs), Inactive, or not there yet."""
    answer = cost_explorer.list_cost_allocation_tags(TagKeys=list(TAG_KEYS), Type="UserDefined")
    known = {tag["TagKey"]: tag["Status"] for tag in answer["CostAllocationTags"]}
    return {key: known.get(key, "not there yet") for key in TAG_KEYS}


def activate(
    cost_explorer: Any, deadline: float, say: Callable[[str], None], *, poll: float = _POLL_SECONDS
) -> dict[str, str]:
    """Activate the keys as they appear in Billing, up to a day after their first use; return the statuses then.

    Raises Failed for keys that don't appear within `deadline` seconds, or that AWS refuses to activate.
    """
    import tenacity

    def attempt() -> dict[str, str]:
        now = statuses(cost_explorer)
        ready = [key for key, status in now.items() if status == "Inactive"]
        if ready:
            wanted = [{"TagKey": key, "Status": "Active"} for key in ready]
            refused = cost_explorer.update_cost_allocation_tags_status(CostAllocationTagsStatus=wanted).get("Errors")
            if refused:
                why = "; ".join(f"{error['TagKey']}: {error.get('Message') or error.get('Code')}" for error in refused)
                raise Failed(f"Billing does not activate {why}", "only the organization's paying account may do this")
            say(f"activated: {', '.join(ready)}")
            now |= dict.fromkeys(ready, "Active")
        absent = [key for key, status in now.items() if status != "Active"]
        if absent:
            say(f"not in Billing yet: {', '.join(absent)}")
        return now

    try:
        return tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda now: any(status != "Active" for status in now.values())),
            stop=tenacity.stop_after_delay(deadline),
            wait=tenacity.wait_fixed(poll),
        )(attempt)
    except tenacity.RetryError as error:
        left = [key for key, status in error.last_attempt.result().items() if status != "Active"]
        raise Failed(
            f"Billing does not know {', '.join(left)} yet; the other keys are active",
            "keys appear up to 24 hours after their first use; run the same command again later",
        ) from error
