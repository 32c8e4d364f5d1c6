"""A send: lines are read, checked and put into the ingest queue, with a count of everything."""

from __future__ import annotations

import itertools
import json
import re
import time
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from estate_tool.core.aws_errors import explained
from estate_tool.core.errors import EstateError, Failed
from estate_tool.events import sender
from estate_tool.events.counted import clock_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from estate_tool.console.progress import Progress
    from estate_tool.core.environment import Environment
    from estate_tool.events.ledger import Ledger

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PIECE = 65_536
# What a message may not hold (Amazon SQS API Reference, SendMessage). A decoded text has no surrogates.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ufffd\U00010000-\U0010ffff]")
_ONLY_OPENS = re.compile(r"[\s\[{]+")
QUEUE = "ingest"  # in the catalog
# Further rejected lines are counted, not listed.
LISTED = 100


class Line(NamedTuple):
    """Line that is not blank: its number from 1, its text without the end, and why no message can hold it."""

    number: int
    text: str
    problem: str = ""


class Lines:
    """Reads a stream line by line; no more than one line, cut off at `longest` bytes, is held in memory.

    `number` and `bytes_read` are how far it has come.
    """

    def __init__(self, stream: BinaryIO, *, longest: int, first: int = 1) -> None:
        self._stream = stream
        self._longest = longest
        self._first = first
        self.bytes_read = 0
        self.number = 0

    def __iter__(self) -> Iterator[Line]:
        """Yield the lines that are not blank, from number `first` on."""
        while raw := self._next():
            self.number += 1
            if self.number == 1:
                raw = raw.removeprefix(_BYTE_ORDER_MARK)
            content = raw.rstrip(b"\r\n")
            if self.number >= self._first and content.strip():
                yield self._line(self.number, content)

    def _next(self) -> bytes:
        """Return the next line; of one that is too long, just enough to see that."""
        # One byte more than the longest line and its end can have.
        raw = rest = self._stream.readline(self._longest + 3)
        self.bytes_read += len(raw)
        while rest and not rest.endswith(b"\n"):
            rest = self._stream.readline(_PIECE)
            self.bytes_read += len(rest)
        return raw

    def _line(self, number: int, content: bytes) -> Line:
        if len(content) > self._longest:
            return Line(number, "", f"the line has more than the {self._longest:,} bytes that fit a message")
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            return Line(number, "", f"the line is not UTF-8 text: byte {error.start + 1} is wrong")
        forbidden = _FORBIDDEN.search(text)
        if forbidden:
            position = f"character {forbidden.start() + 1} of the line is U+{ord(forbidden[0]):04X}"
            return Line(number, "", f"{position}, which no message can hold")
        return Line(number, text)


class LongerDocument(Failed):
    """The lines are parts of longer JSON documents, not an event each."""


def one_document_each(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines; raise LongerDocument at once if the first two are parts of one document."""
    source = iter(lines)
    begin = list(itertools.islice(source, 2))
    if len(begin) == 2 and _continues(begin[0].text, begin[1].text):
        from shared.text import DOCUMENTS, ELEMENTS

        number, text, _ = begin[0]
        kind, command = ("a JSON array", ELEMENTS) if text.lstrip().startswith("[") else ("JSON objects", DOCUMENTS)
        raise LongerDocument(
            f"line {number} begins {kind} of several lines, and each event has to be one line; nothing was sent",
            f"send what this prints: {command}",
        )
    yield from begin
    yield from source


def _continues(first: str, second: str) -> bool:
    """True if the first line ends between two parts of an object or array, as no line cut off does, and neither is one.

    An opening bracket alone continues whatever follows.
    """
    error = _error_at(first)
    if error is None or error < len(first.rstrip()) or not first.lstrip().startswith(("[", "{")):
        return False
    return bool(_ONLY_OPENS.fullmatch(first)) or _error_at(second) is not None


def _error_at(text: str) -> int | None:
    """Return the position of the first error in a JSON text; None if there is none."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos
    except (ValueError, RecursionError):
        return 0
    return None


class Transfer:
    """Sends a stream's lines, from `first_line` on; `raw` sends invalid events too. `size` is the stream's, if known.

    `through_line` is the line up to which everything is sent or rejected. It is 0 when the embedded AWS ended, since
    messages that it had not saved are lost.
    """

    def __init__(
        self, environment: Environment, ledger: Ledger, progress: Progress, *,
        raw: bool = False, first_line: int = 1, size: int | None = None,
    ) -> None:  # fmt: skip
        self._environment = environment
        self._ledger = ledger
        self._progress = progress
        self._raw = raw
        self._first_line = first_line
        self._size = size
        self._started = time.monotonic()
        self._gap = False
        self._process = _embedded_process(environment)
        self.through_line = first_line - 1

    def send(self, stream: BinaryIO) -> None:
        """Send it all; raises Failed, with how to go on, when that can't be done or is interrupted."""
        sqs = self._environment.client("sqs")
        url = sqs.get_queue_url(QueueName=self._environment.names.queue(QUEUE))["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MaximumMessageSize"])
        self._ledger.began, attributes = clock_of(answer), answer["Attributes"]
        longest = min(int(attributes.get("MaximumMessageSize", sender.BATCH_BYTES)), sender.BATCH_BYTES)
        lines = Lines(stream, longest=longest, first=self._first_line)
        try:
            # The sender repeats by itself: it knows which messages are left, and Ctrl-C ends its pauses.
            sender.Sender(self._environment.client("sqs", attempts=1), url).run(
                sender.batches(self._messages(lines)),
                lambda delivery: self._account(delivery, lines),
                lambda trouble: self._progress.show(lambda: self._progress_text(lines, trouble)),
            )
            self.through_line = lines.number
            if self._ended():
                raise Failed("the embedded AWS ended during the send")
        except LongerDocument:
            raise
        except sender.Interrupted as error:
            raise Failed(f"stopped: {self._progress_text(lines)}", self._how_to_go_on()) from error
        except OSError as error:
            raise Failed(f"can't read on: {error.strerror or error}", self._how_to_go_on()) from error
        except Exception as error:
            # After any error the user has to know how far it went.
            known = error if isinstance(error, EstateError) else explained(error, self._environment)
            hint = f"{known.hint}\n{self._how_to_go_on()}".strip()
            raise Failed(f"{known.message}\nso far: {self._progress_text(lines)}", hint) from error

    def _messages(self, lines: Lines) -> Iterator[sender.Message]:
        """Yield the lines to send, checked and counted."""
        from shared.events import InvalidEvent, parse

        for line in lines if self._raw else one_document_each(lines):
            self._ledger.read += 1
            event, problem = None, line.problem
            if not problem:
                try:
                    event = bytes.fromhex(parse(line.text).key)
                except InvalidEvent as error:
                    problem = "" if self._raw else str(error)
            if problem:
                self._reject(line.number, problem)
            else:
                yield sender.Message(line.number, line.text, event)

    def _reject(self, number: int, problem: str) -> None:
        self._ledger.rejected += 1
        if self._ledger.rejected <= LISTED:
            self._progress.line(f"line {number}: {problem}")
        elif self._ledger.rejected == LISTED + 1:
            self._progress.line("further rejected lines are counted, not listed")

    def _account(self, delivery: sender.Delivery, lines: Lines) -> None:
        for message, message_id in delivery.sent:
            self._ledger.delivered(message.event, message_id)
        for message, problem in delivery.refused:
            self._reject(message.number, problem)
        # Deliveries come in order; one that is not complete leaves a gap that later ones do not close.
        self._gap = self._gap or delivery.error is not None
        if not self._gap:
            self.through_line = delivery.last_line
        self._progress.show(lambda: self._progress_text(lines))

    def _progress_text(self, lines: Lines, trouble: str = "") -> str:
        ledger = self._ledger
        rate = ledger.sent / max(time.monotonic() - self._started, 0.001)
        rejected = f", {ledger.rejected:,} rejected" if ledger.rejected else ""
        share = f", {100 * lines.bytes_read // self._size} % of the file read" if self._size else ""
        text = f"{ledger.sent:,} sent, {rate:,.0f}/s{rejected}{share}"
        return f"{text}; trying again: {trouble}" if trouble else text

    def _ended(self) -> bool:
        """True if the embedded AWS ended during the send, though another may have taken the rest."""
        return _embedded_process(self._environment) != self._process

    def _how_to_go_on(self) -> str:
        if self._ended():
            self.through_line = 0
            return (
                "the embedded AWS ended meanwhile; what it had taken in and not saved yet is gone: send the whole file "
                "again, without --from-line (what is sent twice is counted once)"
            )
        if self.through_line < self._first_line:
            return "begin again with the same command: what is sent twice is counted once"
        return (
            f"everything up to line {self.through_line:,} is sent or rejected; go on with the same command and "
            f"--from-line {self.through_line + 1} (what is sent twice is counted once)"
        )


def _embedded_process(environment: Environment) -> int | None:
    """Return the number of the process of the embedded AWS; None while none answers, and for a real account."""
    # AWS itself has no process here.
    if not environment.local:
        return None
    from estate_tool.core import embedded

    status = embedded.status(embedded.LocalAwsPaths.from_environment())
    return status.pid if status.answering else None
