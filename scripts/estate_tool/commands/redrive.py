"""`estate redrive`: explains failed events and replays them; brings in what was stored and never aggregated."""

from __future__ import annotations

import argparse
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.console.output import print_result
from estate_tool.console.progress import Progress
from estate_tool.core import environment
from estate_tool.core.aws_errors import reaching
from estate_tool.core.environment import DEFAULT
from estate_tool.core.errors import Failed, UsageError
from estate_tool.core.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.redrive.replay import Options
    from estate_tool.redrive.results import MissingResult, QueueResult

HELP = "explain failed events and replay them; --missing: events that were stored and never aggregated"
EXAMPLES = (
    ("estate redrive --dry-run", "what failed and why; changes nothing"),
    ("estate redrive ingest dev --rate 50", "replay one queue, 50 messages a second"),
    ("estate redrive --missing", "bring in what was stored and never aggregated"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the queue, ENV, the selection of failures and the rate."""
    count = arguments.whole("messages")
    parser.add_argument(
        "where", nargs="*", metavar="[QUEUE] [ENV]",
        help="failure queue, for example ingest or dlq-ingest (default: all of them), and environment (default: local)",
    )  # fmt: skip
    parser.add_argument("--missing", action="store_true", help="bring in events that were stored and never aggregated")
    parser.add_argument("--dry-run", action="store_true", help="explain what failed, replay nothing")
    parser.add_argument("--error", default="", metavar="TEXT", help="only failures whose error has this text in it")
    parser.add_argument("--type", default="", metavar="TYPE", help="only messages that are an event of this type")
    parser.add_argument("--since", type=_moment, metavar="T", help="only what failed at or after this time (RFC 3339)")
    parser.add_argument("--until", type=_moment, metavar="T", help="only what failed before this time")
    parser.add_argument(
        "--quarantined", action="store_true", help="also what was replayed in vain too often, or can't succeed"
    )
    parser.add_argument(
        "--attempts", type=count, default=3, metavar="N", help="replays in vain that put a failure into quarantine (3)"
    )
    parser.add_argument(
        "--rate", type=count, metavar="N", help="replay at most N messages (--missing: events) a second"
    )
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Explain, replay, and print the counts, also when it ends early."""
    from estate_tool.redrive.replay import Options
    from estate_tool.redrive.results import MissingResult

    queues, name = where(args.where)
    options = Options(
        dry_run=args.dry_run, quarantined=args.quarantined, most_replays=args.attempts, error=args.error,
        event_type=args.type, since=args.since, until=args.until, rate=args.rate,
    )  # fmt: skip
    _refuse_nonsense(args, options)
    target = environment.resolve(name)
    results: list[QueueResult] = []
    missing = MissingResult() if args.missing else None
    finished = False
    try:
        with Progress("looking at what failed") as progress, reaching(target):
            if missing:
                _bring_in(target, options, missing, progress)
            else:
                _replay(target, options, queues, results, progress)
        finished = True
    finally:
        if finished or results or (missing and missing.scanned):
            _show(args, target, results, missing)
    _raise_if_failed(target, results, missing)
    return 0


def _replay(
    target: Environment, options: Options, queues: Sequence[str], results: list[QueueResult], progress: Progress
) -> None:
    from estate_tool.events.dead_letters import depth
    from estate_tool.redrive.messages import failure_queues
    from estate_tool.redrive.replay import RateLimit, Replay
    from estate_tool.redrive.results import QueueResult

    sqs, limit = target.client("sqs"), RateLimit(options.rate)
    chosen = [(queue, target.names.dead_letter_queue(queue.name)) for queue in failure_queues()]
    deployed = [
        (queue, name) for queue, name in chosen if (queue.name in queues or not queues) and depth(sqs, name) is not None
    ]
    if not deployed:
        raise Failed(
            f"environment {target.name} has no failure queue{f' {queues[0]}' if queues else ''}: it is not deployed",
            f"deploy it first: scripts/deploy_all.sh {target.name}",
            code="not_deployed",
        )
    for queue, name in deployed:
        results.append(QueueResult(queue=name))
        Replay(target, queue, results[-1], options=options, limit=limit, progress=progress).run()


def _bring_in(target: Environment, options: Options, missing: MissingResult, progress: Progress) -> None:
    from estate_tool.redrive.replay import RateLimit
    from estate_tool.redrive.unaccounted import bring_in

    bring_in(
        target, RateLimit(options.rate), missing, dry_run=options.dry_run,
        progress=lambda: progress.show(lambda: missing.line(dry_run=options.dry_run)),
    )  # fmt: skip


def _show(
    args: argparse.Namespace, target: Environment, results: list[QueueResult], missing: MissingResult | None
) -> None:
    answer = {
        "environment": target.name, "dry_run": args.dry_run, "queues": [result.to_dict() for result in results],
        "missing": missing.to_dict() if missing else None,
    }  # fmt: skip
    found = [*results, *([missing] if missing else [])]
    print_result(answer, (line for one in found for line in one.lines(dry_run=args.dry_run)), as_json=args.json)


def _raise_if_failed(target: Environment, results: list[QueueResult], missing: MissingResult | None) -> None:
    """Raise Failed if anything failed again."""
    again = sum(result.failed for result in results)
    if again:
        raise Failed(
            f"{counted(again, 'failure')} failed again and {'is' if again == 1 else 'are'} back in the failure queue",
            f"why: scripts/estate redrive {target.name} --dry-run",
        )
    if missing and missing.failed:
        raise Failed(
            f"{missing.failed:,} of {missing.missing:,} events can't be aggregated: {missing.error}",
            f"the reasons: log group {target.names.log_group('aggregate')}",
        )


def where(words: Sequence[str]) -> tuple[list[str], str]:
    """Return the failure queue that was named, if one was, and the environment; raise UsageError for neither."""
    from estate_tool.redrive.messages import failure_queues
    from foundation.problems import known_names

    known = [queue.name for queue in failure_queues()]
    first = words[0] if words else ""
    # By its name in the catalog or in AWS; the suffix of the latter may differ from the environment's name.
    queue = next((one for one in known if first in (one, f"dlq-{one}") or first.startswith(f"dlq-{one}-")), "")
    if len(words) > 2 or (len(words) == 2 and not queue):
        raise UsageError(
            f"{' '.join(words)!r} is no failure queue and environment",
            f"queues: {', '.join(known)}\nfor example: scripts/estate redrive {known[0]} local",
        )
    rest = words[1:] if queue else words
    if rest and not queue and not environment.exists(rest[0]):
        raise UsageError(
            f"{rest[0]!r} is no failure queue and no environment; nothing was changed",
            f"{known_names(known, rest[0])}\nenvironments: {', '.join(environment.known())}, and any {DEFAULT}-NAME",
            code="unknown_name",
        )
    return [queue] if queue else [], rest[0] if rest else DEFAULT


def _refuse_nonsense(args: argparse.Namespace, options: Options) -> None:
    if args.missing and (options.filtered or args.quarantined or (args.where and where(args.where)[0])):
        raise UsageError(
            "--missing looks at all stored events: it knows no queue, no filter and no quarantine",
            "scripts/estate redrive --missing [ENV] [--dry-run] [--rate N]",
        )


def _moment(text: str) -> float:
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    raise argparse.ArgumentTypeError(f"{text!r} is no time: give one such as 2026-01-31T05:00:00Z")
