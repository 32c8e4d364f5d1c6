"""`estate fire-drill`: proof that the notification of each alarm arrives, by setting it off.

A queue is subscribed to the alarms' topics for the time of the drill and removed afterwards. Every subscriber gets the
notifications, too; their number is printed first. An alarm that notifies by its composite alarm is left alone.
Needed rights: cloudwatch:DescribeAlarms, ListTagsForResource and SetAlarmState; sns:Subscribe, Unsubscribe and
ListSubscriptionsByTopic; sqs:CreateQueue, DeleteQueue, ListQueues, Get- and SetQueueAttributes, ReceiveMessage and
DeleteMessage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments
from estate_tool.console.output import confirm, print_result
from estate_tool.console.progress import say, shown
from estate_tool.core import environment
from estate_tool.core.aws_errors import reaching
from estate_tool.core.errors import Failed
from estate_tool.core.text import counted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.alarms import Alarm

HELP = "set each alarm off and show that its notification arrives"
EXAMPLES = (
    ("estate fire-drill", "does the notification of every alarm arrive?"),
    ("estate fire-drill dev --yes", "in a real account, whose subscribers get the notifications"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, whether to ask, and the form of the answer."""
    arguments.environment(parser)
    arguments.yes(parser, "don't ask before alarming subscribers of a real account")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Set the alarms off and report the notifications that arrived; raise Failed unless all did."""
    from estate_tool.monitoring.fire_drill import drill, notifications

    target = environment.resolve(args.environment)
    with reaching(target):
        with shown("looking the alarms up"):
            notifying, silent = _alarms(target)
        expected = notifications(notifying)
        what = f"set {counted(len(notifying), 'alarm')} of {target.name} to ALARM and back: {_sent(expected)}"
        # The embedded AWS has no subscriber to wake up.
        if target.local or args.yes:
            say(what)
        else:
            confirm(what, "add --yes")
        with shown() as show:
            tested = [one.to_dict() for one in drill(target, notifying, show)]
    heard = sum(one["delivered"] for one in tested)
    answer = {
        "environment": target.name, "tested": len(tested), "delivered": heard, "alarms": tested,
        "notifications": {topic.rpartition(":")[2]: count for topic, count in sorted(expected.items())},
        "without_actions": [{"alarm": alarm.name, "told_by": list(alarm.parents)} for alarm in silent],
    }  # fmt: skip
    print_result(answer, _lines(answer), as_json=args.json)
    unheard = [one["alarm"] for one in tested if not one["delivered"]]
    unheard += [alarm.name for alarm in silent if not alarm.parents]
    if unheard:
        raise Failed(
            f"no notification arrived of: {', '.join(unheard)}",
            "look whether the topic's policy lets CloudWatch publish, and whether the alarms' actions are switched on\n"
            f"roll them out again: scripts/deploy_layer.sh observability {target.name}, then drill again",
        )
    return 0


def _sent(expected: Mapping[str, int]) -> str:
    parts = [f"{count} to {topic.rpartition(':')[2]}" for topic, count in sorted(expected.items())]
    return f"{counted(sum(expected.values()), 'notification')} to every subscriber ({', '.join(parts)})"


def _alarms(target: Environment) -> tuple[list[Alarm], list[Alarm]]:
    """Return the alarms that notify a topic, and the others, such as the children of composite alarms."""
    from estate_tool.monitoring import alarms

    found = alarms.of_environment(target)
    notifying = [alarm for alarm in found if alarm.topics]
    if not notifying:
        raise Failed(
            f"environment {target.name} has no alarm that notifies a topic",
            f"deploy them: scripts/deploy_layer.sh observability {target.name}",
        )
    return notifying, [alarm for alarm in found if not alarm.topics]


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    from estate_tool.console.tables import Column, table

    rows = [
        (one["alarm"], f"arrived after {one['seconds']:.1f} s" if one["delivered"] else f"NOT ARRIVED{_because(one)}")
        for one in answer["alarms"]
    ]
    rows += [
        (one["alarm"], f"by {', '.join(one['told_by'])}" if one["told_by"] else "NONE: it has no actions")
        for one in answer["without_actions"]
    ]
    yield from table(("alarm", Column("notification", left=True, wrap=True)), rows)
    yield f"{answer['delivered']} of {counted(answer['tested'], 'alarm')} delivered their notification"


def _because(one: Mapping[str, Any]) -> str:
    return f": {one['why']}" if one["why"] else f" on {', '.join(one['silent_topics'])}"
