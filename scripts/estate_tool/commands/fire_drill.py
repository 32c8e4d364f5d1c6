"""`estate fire-drill`: sets each alarm off and shows that its notification arrives.

A queue is subscribed to the alarms' topics for the time of the drill and removed afterwards. Every subscriber gets the
notifications, too: how many is said before the first. An alarm that notifies by its composite alarm is left alone.
Needed rights: cloudwatch:DescribeAlarms, ListTagsForResource and SetAlarmState; sns:Subscribe, Unsubscribe and
ListSubscriptionsByTopic; sqs:CreateQueue, DeleteQueue, ListQueues, Get- and SetQueueAttributes, ReceiveMessage and
DeleteMessage.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments
from estate_tool.commands.confirm import confirm

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.alarms import Alarm

HELP = "set each alarm off and show that its notification arrives"
EXAMPLES = (
    ("estate fire-drill", "does every alarm reach somebody?"),
    ("estate fire-drill dev --yes", "in a real account, whose subscribers hear it"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, whether to ask, and the form of the answer."""
    arguments.environment(parser)
    parser.add_argument("--yes", action="store_true", help="don't ask before alarming subscribers of a real account")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Drills, tells who was heard; Failed unless all were."""
    from estate_tool.console.progress import Progress
    from estate_tool.core import environment
    from estate_tool.core.aws_errors import reaching
    from estate_tool.monitoring.fire_drill import drill, notifications

    target = environment.resolve(args.environment)
    progress = Progress()
    with reaching(target):
        telling, silent = _alarms(target)
        expected = notifications(telling)
        what = f"set {len(telling)} alarms of {target.name} to ALARM and back: {_sent(expected)}"
        # The embedded AWS wakes nobody up.
        if target.local or args.yes:
            print(what, file=sys.stderr)
        else:
            confirm(what, "add --yes")
        try:
            tested = [one.as_json() for one in drill(target, telling, lambda text: progress.show(lambda: text))]
        finally:
            progress.end()
    heard = sum(one["delivered"] for one in tested)
    answer = {
        "environment": target.name, "tested": len(tested), "delivered": heard, "alarms": tested,
        "notifications": {topic.rpartition(":")[2]: count for topic, count in sorted(expected.items())},
        "without_actions": [{"alarm": alarm.name, "told_by": list(alarm.parents)} for alarm in silent],
    }  # fmt: skip
    print(json.dumps(answer, indent=2) if args.json else "\n".join(_lines(answer)))
    sys.stdout.flush()
    unheard = [one["alarm"] for one in tested if not one["delivered"]]
    unheard += [alarm.name for alarm in silent if not alarm.parents]
    if unheard:
        raise _unheard(target, unheard)
    return 0


def _sent(expected: Mapping[str, int]) -> str:
    parts = [f"{count} to {topic.rpartition(':')[2]}" for topic, count in sorted(expected.items())]
    return f"{sum(expected.values())} notifications to every subscriber ({', '.join(parts)})"


def _alarms(target: Environment) -> tuple[list[Alarm], list[Alarm]]:
    """Alarms that notify a topic, and those that don't, as the children of composite alarms."""
    from estate_tool.core.errors import Failed
    from estate_tool.monitoring import alarms

    found = alarms.of_environment(target)
    telling = [alarm for alarm in found if alarm.topics]
    if not telling:
        raise Failed(
            f"environment {target.name} has no alarm that notifies anybody",
            f"deploy them: scripts/deploy_layer.sh observability {target.name}",
        )
    return telling, [alarm for alarm in found if not alarm.topics]


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    for one in answer["alarms"]:
        outcome = f"heard after {one['seconds']:.1f} s" if one["delivered"] else f"NOT HEARD{_because(one)}"
        yield f"{one['alarm']:<56} {outcome}"
    for one in answer["without_actions"]:
        told = f"told by {', '.join(one['told_by'])}" if one["told_by"] else "NOBODY IS TOLD: it has no actions"
        yield f"{one['alarm']:<56} {told}"
    yield f"{answer['delivered']} of {answer['tested']} alarms delivered their notification"


def _because(one: Mapping[str, Any]) -> str:
    return f": {one['why']}" if one["why"] else f" on {', '.join(one['silent_topics'])}"


def _unheard(target: Environment, names: list[str]) -> Exception:
    from estate_tool.core.errors import Failed

    return Failed(
        f"not heard: {', '.join(names)}",
        "look whether the topic's policy lets CloudWatch publish, and whether the alarms' actions are switched on\n"
        f"put them right: scripts/deploy_layer.sh observability {target.name}, then drill again",
    )
