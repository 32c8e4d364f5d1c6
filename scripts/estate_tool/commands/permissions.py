"""`estate permissions`: the IAM policy that a role needs to roll layers out in a real account."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments
from estate_tool.console.output import print_result
from estate_tool.console.progress import say, shown
from estate_tool.core import environment
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
    ("estate permissions dev --out policies", "as managed policies, a file each"),
    ("estate permissions dev --read-only", "for the role of previews and drift"),
    ("estate permissions dev --backend s3://estate-state", "for the bucket that keeps the state, and its --key"),
    ("estate permissions audit", "what `estate audit` and `estate adopt` read"),
)
_AUDIT = "audit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """LAYER, ENV and the account."""
    parser.add_argument(
        "names", nargs="*", metavar="[LAYER] [ENV]",
        help=f"one of {', '.join(LAYER_NAMES)}, or all without; ENV: local; or `{_AUDIT}` alone",
    )  # fmt: skip
    parser.add_argument("--account", help="the account's number, where aws:allowedAccountIds does not tell it")
    parser.add_argument("--read-only", action="store_true", help="what previews and drift need: nothing is changed")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write managed policies, one a file, to a new folder"
    )
    parser.add_argument("--backend", metavar="BUCKET", help="instead, what the engine needs of the bucket of its state")
    parser.add_argument("--key", metavar="ARN", help="with --backend: the KMS key of the bucket, or of the secrets")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Print the policy that a rollout, the state's bucket or an audit needs, or write it as managed policies."""
    from estate_tool.core.paths import require_empty
    from estate_tool.deployer_policy import backend

    if args.out:
        require_empty(args.out)
    if args.names == [_AUDIT]:
        from estate_tool.audit import policy as audit_policy

        return _show(audit_policy.document(), args, {})
    layers, name = _chosen(args.names)
    target = environment.resolve(name)
    context = _account_context(target, args.account)
    if args.key and not args.backend:
        raise UsageError("--key is for --backend", "for example: --backend s3://BUCKET --key ARN")
    if args.backend:
        own = backend.backend(args.backend, args.key, context.partition, writes=not args.read_only)
        return _show(own, args, {"environment": target.name, "policy": own})
    return _rollout(args, target, layers, context)


def _rollout(args: argparse.Namespace, target: Environment, layers: tuple[str, ...], context: AccountContext) -> int:
    """Run the programs without engine or AWS, and show the permissions that their resources need."""
    from estate_tool.deployer_policy import backend, document
    from estate_tool.engine import dry_run

    with shown("running the layers' programs"):
        everything = dry_run.resources(target, context, lambda kind, inputs: document.arn(kind, inputs, context))
    wanted = [resource for resource in everything if resource.layer in layers]
    policy = document.policy(wanted, context, target.names.suffix)
    policy = backend.read_only(policy) if args.read_only else policy
    granted = {action for each in policy["Statement"] for action in each["Action"]}
    wide = [each for each in document.unscoped(wanted) if granted & set(each.actions)]
    unknown = document.unknown(wanted)
    answer = {
        "environment": target.name, "layers": list(layers), "account": context.account,
        "policy": policy, "policies": document.managed(policy),
        "unscoped": [{"actions": list(each.actions), "reason": each.reason} for each in wide], "unknown": unknown,
    }  # fmt: skip
    if not args.json:
        for each in wide:
            say(f"on every resource: {', '.join(each.actions)}: {each.reason}")
        for kind in unknown:
            say(f"not covered: {kind}: add its permissions by hand (docs/escape-hatch.md)")
    return _show(policy, args, answer)


def _show(policy: dict[str, Any], args: argparse.Namespace, answer: dict[str, Any]) -> int:
    """Print the policy, or with --json the answer if there is one; with --out, write the managed policies."""
    from estate_tool.deployer_policy import document

    policies = answer.get("policies") or document.managed(policy)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(policies if args.out else (), start=1):
        file = args.out / f"policy-{number}.json"
        file.write_text(json.dumps(each, indent=2) + "\n", encoding="utf-8")
        say(f"written: {file}")
    if args.json or not args.out:
        print_result(answer if args.json and answer else policy, (), as_json=True)
    if not args.json:
        parts = "one managed policy" if len(policies) == 1 else f"{len(policies)} managed policies"
        more = "" if args.out or len(policies) == 1 else ", which --out FOLDER writes to a file each"
        say(f"{document.size(policy):,} characters: {parts}{more}")
    return 0


def _chosen(names: list[str]) -> tuple[tuple[str, ...], str]:
    """Return the layers and the environment of `[LAYER] [ENV]`; raise UsageError."""
    from foundation.problems import known_names, nearest

    layers, rest = (tuple(names[:1]), names[1:]) if names and names[0] in LAYER_NAMES else (LAYER_NAMES, names)
    if len(rest) > 1:
        raise UsageError(
            f"{' '.join(names)!r} is not [LAYER] [ENV]",
            f"the layers are {', '.join(LAYER_NAMES)}; for example: scripts/estate permissions data dev",
        )
    if rest and len(layers) > 1 and not environment.exists(rest[0]) and nearest(LAYER_NAMES, rest[0]):
        raise UsageError(
            f"{rest[0]!r} is no layer and no environment", known_names(LAYER_NAMES, rest[0]), code="unknown_name"
        )
    return layers, rest[0] if rest else DEFAULT


def _account_context(target: Environment, account: str | None) -> AccountContext:
    from estate_tool.core.embedded.paths import ACCOUNT
    from estate_tool.engine.dry_run import AccountContext

    # The embedded AWS has one account, which needs no configuration.
    known = (ACCOUNT,) if target.local else target.configuration.allowed_accounts
    allowed = (account,) if account else known
    if len(allowed) != 1 or not (allowed[0].isdigit() and len(allowed[0]) == 12):
        raise UsageError(
            f"which account {target.name} belongs to is not known: {', '.join(allowed) or 'nothing is configured'}",
            "set aws:allowedAccountIds to one account of 12 digits, or add --account NUMBER",
        )
    return AccountContext(account=allowed[0], region=target.configuration.region)
