"""URLs of functions: HTTPS addresses for callers that sign their requests with IAM."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from foundation.grants import unknown_placeholders
from foundation.problems import Problem

_INVOKER = re.compile(r"arn:\{partition\}:iam::\{account\}:(role|user)/[\w+=,.@/{}-]+")
_OWN_ROLE = re.compile(r":role/role-(.+)-\{suffix\}")


@dataclass(frozen=True, kw_only=True)
class FunctionUrl:
    """A URL that only the `invokers` may call: ARNs of roles and users of the environment's account.

    They begin with arn:{partition}:iam::{account}: and may contain {suffix}.
    """

    invokers: tuple[str, ...]


def label(invoker: str) -> str:
    """Return a name for an invoker that is the same in every environment: role-web for …:role/web-{suffix}."""
    resource = invoker.rpartition(":")[2].replace("{suffix}", "")
    return re.sub(r"[^A-Za-z0-9_]+", "-", resource).strip("-")


def own_invokers(url: FunctionUrl | None) -> Iterator[str]:
    """Yield the functions of the catalog whose roles may call the URL."""
    for invoker in url.invokers if url else ():
        if found := _OWN_ROLE.search(invoker):
            yield found[1]


def problems(where: str, url: FunctionUrl | None, *, triggered: bool) -> Iterator[Problem]:
    """Yield all problems of a function's URL."""
    if url is None:
        return
    if triggered:
        yield Problem(where=f"{where} url", value=url, allowed="none: a function with a trigger gets events of that")
    if not url.invokers:
        yield Problem(where=f"{where} url invokers", value=url.invokers, allowed="at least one role or user")
    labels: set[str] = set()
    for invoker in url.invokers:
        if not _INVOKER.fullmatch(invoker) or unknown_placeholders(invoker):
            allowed = "a role or user of the account, named in full: arn:{partition}:iam::{account}:role/web-{suffix}"
            yield Problem(where=f"{where} url invokers", value=invoker, allowed=allowed)
        if label(invoker) in labels:
            yield Problem(where=f"{where} url invokers", value=invoker, allowed="each once, signs aside")
        labels.add(label(invoker))
