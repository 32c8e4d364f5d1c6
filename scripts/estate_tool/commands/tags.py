"""`estate tags`: resources with and without the cost-allocation tags; activation of the keys in Billing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments, connected
from estate_tool.console.output import print_result
from estate_tool.console.progress import say
from estate_tool.core import environment
from estate_tool.core.aws_errors import not_deployed
from estate_tool.core.errors import UsageError
from estate_tool.core.text import counted
from foundation.naming import TAG_KEYS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.deployer_policy.tag_coverage import Tagged

HELP = "which resources carry the cost tags, which can't; --activate makes Billing break costs down by them"
EXAMPLES = (
    ("estate tags dev", "what carries the tags, what lacks some"),
    ("estate tags prod --activate --yes", "have Billing use them"),
)
_HOURS = 24.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, and whether to activate."""
    arguments.environment(parser)
    parser.add_argument(
        "--activate", action="store_true", help="say which keys Billing does not use yet; with --yes, activate them"
    )
    arguments.yes(parser, "really activate them")
    parser.add_argument(
        "--hours", type=float, default=_HOURS, help="how long to wait for keys that Billing does not know yet (24)"
    )
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Ask AWS for the tags of everything in the state; exit code 1 when some are missing."""
    from estate_tool.deployer_policy import tag_coverage

    target = environment.resolve(args.environment)
    # Billing is no service of the embedded AWS.
    if args.activate and target.local:
        raise UsageError(
            f"environment {target.name} is local: the embedded AWS has no Billing to activate tags in",
            "name an environment in a real account, for example: scripts/estate tags prod --activate",
        )
    with connected(target, "asking AWS for the tags of each resource") as show:
        resources = _resources(target)
        answer = _answer(target, tag_coverage.coverage(target.client, resources), resources)
        if args.activate:
            show("asking Billing for the keys")
            explorer = target.client("ce")
            activated = tag_coverage.activate(explorer, args.hours * 3600, say) if args.yes else None
            answer["activation"] = activated or tag_coverage.statuses(explorer)
    print_result(answer, _lines(answer), as_json=args.json)
    return 0 if answer["tagged"] == answer["taggable"] else 1


def _resources(target: Environment) -> list[Mapping[str, Any]]:
    from estate_tool.rollout import session

    pulumi = session.reader(target)
    states = pulumi.states().values() if pulumi else ()
    found = [one for state in states for one in state.resources if str(one["type"]).startswith("aws:")]
    if not found:
        raise not_deployed(target)
    return found


def _answer(target: Environment, found: Sequence[Tagged], resources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    from estate_tool.deployer_policy.tag_coverage import UNTAGGABLE, is_taggable

    rest = Counter(one["type"] for one in resources if not is_taggable(one))
    reasons = {kind: UNTAGGABLE.get(kind, "AWS has no tags for this type") for kind in rest}
    return {
        "environment": target.name, "keys": list(TAG_KEYS),
        "taggable": len(found), "tagged": sum(one.complete for one in found),
        "incomplete": [
            {"resource": one.resource, "urn": one.urn, "missing": list(one.missing), "different": dict(one.different)}
            for one in found
            if not one.complete
        ],
        "untaggable": [{"type": kind, "resources": rest[kind], "reason": reasons[kind]} for kind in sorted(rest)],
    }  # fmt: skip


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    from estate_tool.console.tables import Column, table

    taggable = counted(answer["taggable"], "taggable resource")
    yield f"environment {answer['environment']}: {answer['tagged']} of {taggable} with"
    yield f"  {', '.join(answer['keys'])}"
    for one in answer["incomplete"]:
        wrong = [f"without {', '.join(one['missing'])}"] if one["missing"] else []
        wrong += [f"{key} is {value}" for key, value in one["different"].items()]
        yield f"  {one['resource']}: {'; '.join(wrong)}"
    if answer["incomplete"]:
        yield f"  → correct them: scripts/estate drift {answer['environment']} --repair"
    yield "without tags in AWS:"
    titles = (Column("resources"), Column("type", left=True), Column("reason", left=True, wrap=True))
    rows = [(str(one["resources"]), one["type"].rpartition(":")[2], one["reason"]) for one in answer["untaggable"]]
    yield from table(titles, rows, indent=2)
    for key, status in answer.get("activation", {}).items():
        yield f"Billing: {key:<12} {status}"
    if any(status != "Active" for status in answer.get("activation", {}).values()):
        yield f"  → nothing was changed; activate: scripts/estate tags {answer['environment']} --activate --yes"
