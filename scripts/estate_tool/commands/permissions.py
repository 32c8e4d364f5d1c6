"""`estate permissions`: the IAM policy that a role needs to roll layers out in a real account."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.core.environment import DEFAULT
from estate_tool.core.errors import UsageError
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    import argparse

    from estate_tool.core.environment import Environment
    from estate_tool.engine.dry_run import AccountContext

HELP = "print the IAM policy that rolling layers out needs"
EXAMPLES = (
    ("estate permissions dev --account 111122223333", "for all layers"),
    ("estate permissions data dev --json", "for one, with what can't be narrowed down"),
    ("estate permissions dev --read-only", "for the role of previews and drift"),
    ("estate permissions dev --backend s3://estate-state", "for the bucket that keeps the state, and its --key"),
    ("estate permissions audit", "what `estate audit` and `estate adopt` read"),
)
_AUDIT = "audit"
_LOCAL_ACCOUNT = "123456789012"
# Quotas of IAM, without white space: a managed policy, and all inline policies of a role together.
_MANAGED, _INLINE = 6_144, 10_240


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """LAYER, ENV and the account."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="[LAYER] [ENV]",
        help=f"one of {', '.join(LAYER_NAMES)}, or all without; ENV: local; or `{_AUDIT}` alone",
    )
    parser.add_argument("--account", help="the account's number, where aws:allowedAccountIds does not tell it")
    parser.add_argument("--read-only", action="store_true", help="what previews and drift need: nothing is changed")
    parser.add_argument("--backend", metavar="BUCKET", help="instead, what the engine needs of the bucket of its state")
    parser.add_argument("--key", metavar="ARN", help="with --backend: the KMS key of the bucket, or of the secrets")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Run the programs without engine or AWS, and print the permissions that making their resources needs."""
    from estate_tool.console.progress import shown
    from estate_tool.core import environment
    from estate_tool.deployer_policy import backend, document
    from estate_tool.engine import dry_run

    if args.names == [_AUDIT]:
        from estate_tool.audit import policy as audit_policy

        print(json.dumps(audit_policy.document(), indent=2))
        return 0
    layers, name = _chosen(args.names)
    target = environment.resolve(name)
    place = _place(target, args.account)
    if args.key and not args.backend:
        raise UsageError("--key is for --backend", "for example: --backend s3://BUCKET --key ARN")
    if args.backend:
        own = backend.backend(args.backend, args.key, place.partition, writes=not args.read_only)
        print(json.dumps({"environment": target.name, "policy": own} if args.json else own, indent=2))
        return 0
    with shown("running the layers' programs"):
        everything = dry_run.resources(target, place, lambda kind, inputs: document.arn(kind, inputs, place))
    wanted = [resource for resource in everything if resource.layer in layers]
    policy = document.policy(wanted, place, target.names.suffix)
    policy = backend.read_only(policy) if args.read_only else policy
    granted = {action for each in policy["Statement"] for action in each["Action"]}
    wide = [each for each in document.unscoped(wanted) if granted & set(each.actions)]
    if args.json:
        unscoped = [{"actions": list(each.actions), "reason": each.reason} for each in wide]
        answer = {"environment": target.name, "layers": list(layers), "account": place.account}
        print(
            json.dumps(
                {**answer, "policy": policy, "unscoped": unscoped, "unknown": document.unknown(wanted)}, indent=2
            )
        )
        return 0
    print(json.dumps(policy, indent=2))
    for each in wide:
        print(f"on every resource: {', '.join(each.actions)}: {each.reason}", file=sys.stderr)
    for kind in document.unknown(wanted):
        print(f"not covered: {kind}: add what making it needs by hand (docs/escape-hatch.md)", file=sys.stderr)
    print(_size(len(json.dumps(policy, separators=(",", ":")))), file=sys.stderr)
    return 0


def _chosen(names: list[str]) -> tuple[tuple[str, ...], str]:
    """Return the layers and the environment of `[LAYER] [ENV]`; raise UsageError."""
    from estate_tool.core import environment
    from foundation.problems import nearest, there_are

    layers, rest = (tuple(names[:1]), names[1:]) if names and names[0] in LAYER_NAMES else (LAYER_NAMES, names)
    if len(rest) > 1:
        raise UsageError(
            f"{' '.join(names)!r} is not [LAYER] [ENV]",
            f"the layers are {', '.join(LAYER_NAMES)}; for example: scripts/estate permissions data dev",
        )
    if rest and len(layers) > 1 and not environment.exists(rest[0]) and nearest(LAYER_NAMES, rest[0]):
        raise UsageError(
            f"{rest[0]!r} is no layer and no environment", there_are(LAYER_NAMES, rest[0]), code="unknown_name"
        )
    return layers, rest[0] if rest else DEFAULT


def _place(target: Environment, account: str | None) -> AccountContext:
    from estate_tool.engine.dry_run import AccountContext

    # The embedded AWS has one account, without configuration.
    known = (_LOCAL_ACCOUNT,) if target.local else target.configuration.allowed_accounts
    allowed = (account,) if account else known
    if len(allowed) != 1 or not (allowed[0].isdigit() and len(allowed[0]) == 12):
        raise UsageError(
            f"which account {target.name} belongs to is not known: {', '.join(allowed) or 'nothing is configured'}",
            "set aws:allowedAccountIds to one account of 12 digits, or add --account NUMBER",
        )
    return AccountContext(account=allowed[0], region=target.configuration.region)


def _size(characters: int) -> str:
    fits = "one managed policy" if characters <= _MANAGED else "an inline policy of a role"
    if characters > _INLINE:
        fits = "no single policy: make one of each layer (scripts/estate permissions LAYER)"
    return f"{characters} characters: fits {fits}"
