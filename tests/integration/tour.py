"""Pictures and text of docs/tour.md from a real run on an embedded AWS of its own: `make tour`."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import tempfile
import termios
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyte
from rich.console import Console
from rich.text import Text

from tests.integration.conftest import EmbeddedAws, running
from tests.integration.old_estate import plant
from tests.support.browser import Browser
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE, PICTURES = ROOT / "docs" / "tour.md", ROOT / "docs" / "tour"
COLUMNS, ROWS = 100, 800
# Lines of a picture.
LONGEST = 44
EVENTS, _CALLS = 20_000, 80
_VIEWS = {"": (1000, 1250, False), "-phone": (390, 844, True)}  # width, height in pixels; dark
_LOAD = """functions:
  ingest: {invocations: 60000, billed_ms: 180, p99_ms: 420}
  aggregate: {invocations: 40000, billed_ms: 240, p99_ms: 600}
  query: {invocations: 900000, billed_ms: 12, p99_ms: 35, warm: 1.36}
tables:
  events: {writes: 30000000, read_units: 5, write_units: 17, fixed_write_units: 100, stored_gb: 15, backup_gb: 15}
  aggregates: {reads: 900000, writes: 1500000, read_units: 1, write_units: 1, fixed_write_units: 40}
queues:
  ingest: {requests: 9000000}
logs: {ingested_gb: 6}
watching: {alarm_metrics: 68, composite_alarms: 3, dashboards: 1}
events: 30000000
"""


@dataclass(frozen=True)
class Step:
    """A command, its picture's name, and a sentence about it; `page` is the file of the page that it writes."""

    name: str
    title: str
    text: str
    command: str
    code: int = 0
    page: str = ""


# The last two are of an account without an estate.
STEPS = (
    Step("deploy", "Roll out", "Four layers, in order, after a preview of all of them; the end of it:",
         "scripts/deploy_all.sh"),
    Step("send", "Send events", "20,000 real flights of 2013, and the wait until all are counted:",
         f"scripts/estate sample flights --limit {EVENTS} | scripts/estate send - --wait"),
    Step("query", "Ask", "Hourly buckets with exact sums:",
         "scripts/estate query flight.departed --subject UA --to 2013-01-01T12:00:00Z"),
    Step("status", "Is it well?", "Layers, alarms, queues and functions at a glance:", "scripts/estate status"),
    Step("redrive", "A failed event", "An event without `time` ends in a dead-letter queue; the reason:",
         "scripts/estate redrive --dry-run"),
    Step("drift", "Drift", "Somebody gave a function more memory by hand:", "scripts/estate drift", code=1),
    Step("dashboard", "Dashboard", "The questions of the one on call, with the numbers of the last 15 minutes:",
         "scripts/estate dashboard --since 15m --html dashboard.html", page="dashboard.html"),
    Step("cost", "Cost", "A month of a stated load, before and after:",
         "scripts/estate cost --load load.yaml --html cost.html", page="cost.html"),
    Step("audit", "Audit", "Another account, in which faults were planted, against the ten requirements:",
         "scripts/estate audit --since 1d --html audit.html", code=1, page="audit.html"),
    Step("rightsize", "Right-sizing", "Functions of that account: memory used and recommended, with the cost:",
         "scripts/estate rightsize --function oversized large-and-used slow --since 1d --html rightsize.html",
         page="rightsize.html"),
)  # fmt: skip


def main() -> None:
    """Run every step and write pictures and page anew."""
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.iterdir():
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="tour-") as name:
        folder = Path(name)
        _invented(folder)
        with running(folder / "estate") as aws:
            _estate(aws, folder)
        with running(folder / "old") as aws:
            plant(aws)
            for step in STEPS[-2:]:
                _show(step, aws, folder)
        with Browser() as browser:
            for step in STEPS:
                if step.page:
                    _photograph(browser, folder / step.page, step.name)
    PAGE.write_text(text(), encoding="utf-8")


def _invented(folder: Path) -> None:
    """Write the files that commands are given."""
    (folder / "load.yaml").write_text(_LOAD)
    (folder / "bad.ndjson").write_text('{"specversion":"1.0","id":"7","source":"/plant/7","type":"meter.read"}\n')


def _estate(aws: EmbeddedAws, folder: Path) -> None:
    prepared = {"status": _ask_often, "redrive": _fail, "drift": _meddle, "dashboard": _wait_for_metrics}
    for step in STEPS[:-2]:
        if step.name in prepared:
            prepared[step.name](aws, folder)
        _show(step, aws, folder)


def _fail(aws: EmbeddedAws, folder: Path) -> None:
    _terminal("scripts/estate send bad.ndjson --raw", aws, folder, 0)
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="dlq-ingest-local")["QueueUrl"]
    wanted = ["ApproximateNumberOfMessages"]
    expect_soon(
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"][wanted[0]] == "1",
        "dead letter",
    )


def _meddle(aws: EmbeddedAws, _: Path) -> None:
    aws.client("lambda").update_function_configuration(FunctionName="lambda-query-local", MemorySize=1024)


def _ask_often(aws: EmbeddedAws, _: Path) -> None:
    question = json.dumps({"type": "flight.departed", "subject": "UA"})
    for _call in range(_CALLS):
        aws.client("lambda").invoke(FunctionName="lambda-query-local:live", Payload=question)


def _wait_for_metrics(aws: EmbeddedAws, _: Path) -> None:
    """Wait until the minute in which the last message was taken is published."""
    cloudwatch, now = aws.client("cloudwatch"), datetime.now(UTC)

    def taken() -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS", MetricName="NumberOfMessagesDeleted", StartTime=now - timedelta(hours=1),
            Dimensions=[{"Name": "QueueName", "Value": "queue-ingest-local"}], EndTime=now + timedelta(minutes=5),
            Period=3600, Statistics=["Sum"],
        )["Datapoints"]  # fmt: skip
        return sum(point["Sum"] for point in points)

    expect_soon(lambda: taken() >= EVENTS, "metrics of all messages", 200)


def _show(step: Step, aws: EmbeddedAws, folder: Path) -> None:
    shown = _terminal(step.command, aws, folder, step.code)
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(shown)
    drawn = console.export_svg(title=step.command, unique_id=step.name)
    # Fonts from elsewhere: pictures load nothing.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.S)
    (PICTURES / f"{step.name}.svg").write_text(drawn, encoding="utf-8")


def _terminal(command: str, aws: EmbeddedAws, folder: Path, code: int) -> Text:
    """Run a command on a terminal, and return its last lines as they stand there."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    mine = {"ESTATE_HOME": str(aws.paths.home), "ESTATE_PORT": str(aws.paths.port), "TERM": "xterm-256color"}
    keys = aws.environment if "audit" in command else {}
    process = subprocess.Popen(
        ["/bin/bash", "-o", "pipefail", "-c", command.replace("scripts/", f"{ROOT}/scripts/")], cwd=folder,
        env={**os.environ, **keys, **mine}, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    with contextlib.suppress(OSError):  # the terminal's end
        while piece := os.read(ours, 1 << 16):
            stream.feed(piece)
    os.close(ours)
    found = process.wait()
    lines = [*_drawn(screen)]
    assert found == code, f"{command} ended with {found}:\n" + "\n".join(line.plain for line in lines)
    return Text("\n").join(_shortened(lines, head="--html" in command))


def _shortened(lines: list[Text], head: bool) -> list[Text]:
    """Return as many lines as a picture has: the first ones of a report, else the last ones."""
    if len(lines) <= LONGEST:
        return lines
    return [*lines[:LONGEST], Text("…")] if head else [Text("…"), *lines[-LONGEST:]]


def _drawn(screen: pyte.Screen) -> Iterator[Text]:
    """Yield the lines down to the last one with anything in it, with colours."""
    last = max((number for number, line in enumerate(screen.display) if line.strip()), default=-1)
    for number in range(last + 1):
        line = Text()
        for column in range(COLUMNS):
            char = screen.buffer[number][column]
            style = ["bold"] if char.bold else []
            style += ["italic"] if char.italics else []
            line.append(char.data, " ".join((*style, _colour(char.fg))).strip())
        line.rstrip()
        yield line


def _colour(name: str) -> str:
    """Return rich's name of one of pyte's colours; of the 256 these are hexadecimal."""
    if name == "default":
        return ""
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    return name.replace("brown", "yellow").replace("bright", "bright_")


def _photograph(browser: Browser, page: Path, name: str) -> None:
    for view, (width, height, dark) in _VIEWS.items():
        browser.open(page, width, dark=dark)
        tall = int(browser.evaluate("document.documentElement.scrollHeight"))
        (PICTURES / f"{name}-page{view}.png").write_bytes(browser.screenshot(width, min(height, tall)))


_HEAD = """\
# A tour

Made by `make tour` from a real run on an embedded AWS; do not edit. A page is one file without scripts; beside each
stands the top of it on a phone, in dark mode.
"""
_PAGE = """
<img src="tour/{name}-page.png" alt="Page: {title}" width="68%">
<img src="tour/{name}-page-phone.png" alt="The same on a phone, dark" width="26%">"""


def text() -> str:
    """Return the text of the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD.rstrip()
    for step in STEPS:
        yield from ("", f"## {step.title}", "", step.text, "", "```sh", step.command, "```", "")
        yield f"![Terminal: {step.title}](tour/{step.name}.svg)"
        if step.page:
            yield _PAGE.format(name=step.name, title=step.title)


if __name__ == "__main__":
    main()
