"""Clones of one commit, in which two users edit what is declared, and the effects in AWS."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import summary
from foundation.layers import LAYER_NAMES
from tests.account import reports
from tests.account.reports import DEPLOY, Report
from tests.integration.commands import LONGEST_COMMAND
from tests.support import adding_a_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.account.account import Account, Checkout

CATALOG, SIZES = "foundation/catalog.py", "compute/sizing.json"
TABLE, KEY = "table-aggregates-dev", {"series": {"S": "a"}}
SAME = dict.fromkeys(LAYER_NAMES, "unchanged")
PREVIEW = ("scripts/estate", "deploy", "dev", "--preview", "--json")


def pair(account: Account, checkout: Callable[..., Checkout]) -> tuple[Checkout, Checkout]:
    """Make clones of one commit for two users, each with a folder of state of their own."""
    first, second = checkout(), checkout(ESTATE_HOME=str(account.folder / "other-user"))
    git(first, "init", "--quiet")
    git(first, "add", *LAYER_NAMES, "environments", "lambda_src", "scripts")
    git(first, "commit", "--quiet", "--message", "as it is declared")
    shutil.copytree(first.root / ".git", second.root / ".git")
    return first, second


def git(clone: Checkout, *arguments: str) -> str:
    person = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
    command = ["git", *person, *arguments]
    return subprocess.run(command, cwd=clone.root, check=True, capture_output=True, text=True).stdout.strip()


def summarised(report: Report) -> Report:
    """Return the report, after a check that the summary of the workflow's step repeats it."""
    text = report.summary
    parts = [report.whole.get("error")]
    for loss in report.whole["losses"]:
        parts += [loss["name"], loss["text"], loss["note"]]
    for layer in report.whole["layers"]:
        parts += [layer["error"], *layer["kept"]]
        counts = " | ".join(str(layer[count]) for count in summary.COUNTED)
        assert f"| {layer['layer']} | {layer['result']} | {counts} |" in text
    missing = [each for each in parts if each and summary.plain(each) not in text]
    assert missing == [], text
    return report


def deploy(clone: Checkout, *flags: str, code: int = 0) -> Report:
    """Roll all layers out, with a report that the workflow's summary repeats."""
    return summarised(reports.deploy(clone, *flags, code=code))


def at_once(clones: tuple[Checkout, Checkout]) -> tuple[Report, Report]:
    """Roll out from both clones at the same time: the report of the one that rolled out, and of the refused one."""
    ended: list[Report] = []
    for process in [clone.start(DEPLOY, "dev", "--yes", "--json") for clone in clones]:
        out, err = process.communicate(timeout=LONGEST_COMMAND)
        assert "Traceback" not in err, err
        ended.append(summarised(Report.of(subprocess.CompletedProcess(process.args, process.returncode, out, err))))
    ended.sort(key=lambda report: "deployed" not in report.results.values())
    return ended[0], ended[1]


@contextlib.contextmanager
def edited(clone: Checkout, *files: str) -> Iterator[None]:
    """Restore the files at the end of the block."""
    before = {file: (clone.root / file).read_text() for file in files}
    try:
        yield
    finally:
        for file, text in before.items():
            (clone.root / file).write_text(text)


@contextlib.contextmanager
def added(clone: Checkout) -> Iterator[None]:
    """Declare the function of docs/adding-a-function.md, until the end of the block."""
    with edited(clone, CATALOG, SIZES):
        adding_a_function.follow(clone.root)
        try:
            yield
        finally:
            for folder in ("lambda_src", "tests/lambdas"):
                shutil.rmtree(clone.root / folder / adding_a_function.NAME)


def change_sizes(clone: Checkout, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the sizes of functions, by name, in their file."""
    path = clone.root / SIZES
    sizes = json.loads(path.read_text())
    change(sizes["functions"])
    path.write_text(json.dumps(sizes))


def rename(clone: Checkout, old: str, new: str) -> None:
    """Give a function another name in the catalog and in the sizes."""
    clone.replace(CATALOG, f'name="{old}"', f'name="{new}"')
    change_sizes(clone, lambda sizes: sizes.update({new: sizes.pop(old)}))


def remove(clone: Checkout, name: str) -> None:
    """Remove a function from the catalog and from the sizes."""
    text = (clone.root / CATALOG).read_text()
    start = text.rindex("        Function(\n", 0, text.index(f'name="{name}"'))
    end = text.index("\n        ),\n", start) + len("\n        ),\n")
    clone.replace(CATALOG, text[start:end], "")
    change_sizes(clone, lambda sizes: sizes.pop(name))


def copy_last(clone: Checkout, *names: str, changed: tuple[str, str] = ("", "")) -> None:
    """Declare the last function of the catalog under more names, itself `changed` from one text to another."""
    text = (clone.root / CATALOG).read_text()
    start = text.rindex("        Function(\n")
    declared = text[start : text.rindex("    ),\n)")]
    named = re.search(r'name="([^"]+)"', declared)
    assert named
    assert changed[0] in declared
    copies = (declared.replace(named[0], f'name="{name}"') for name in names)
    clone.replace(CATALOG, declared, declared.replace(*changed) + "".join(copies))
    change_sizes(clone, lambda sizes: sizes.update(dict.fromkeys(names, sizes[named[1]])))


def losses(clone: Checkout, *flags: str) -> dict[str, int | None]:
    """Return the data losses that a preview reports, with their amounts."""
    report = summarised(Report.of(clone(*PREVIEW, *flags)))
    return {loss["name"]: loss["held"]["count"] for loss in report.whole["losses"]}


def refused(account: Account, clone: Checkout, *flags: str, code: str = "data_loss") -> Report:
    """Return the report of a rollout that is refused, after a check that AWS is as it was."""
    before = account.listed()
    report = summarised(Report.of(clone("scripts/estate", "deploy", "dev", "--yes", "--json", *flags, code=2)))
    assert account.listed() == before
    assert report.whole["code"] == code
    return report


def fill(account: Account, table: str, key: dict[str, Any], items: int) -> None:
    """Put items into a table."""
    for number in range(items):
        item = {**key, "hour": {"S": str(number)}} if "series" in key else {"id": {"S": str(number)}}
        account.aws.client("dynamodb").put_item(TableName=table, Item=item)


def count(account: Account, table: str) -> int:
    """Return the number of items of a table."""
    return int(account.aws.client("dynamodb").scan(TableName=table, Select="COUNT", ConsistentRead=True)["Count"])


def send(account: Account, queue: str, messages: int) -> str:
    """Send messages to a queue; return its URL."""
    sqs = account.aws.client("sqs")
    url = str(sqs.get_queue_url(QueueName=queue)["QueueUrl"])
    for number in range(messages):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    return url
