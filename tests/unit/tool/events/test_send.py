"""`estate send` as a user calls it, against moto: lines, counts, ways to continue, and the wait."""

from __future__ import annotations

import errno
import io
import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.commands import sample, send
from estate_tool.core import aws_errors, embedded
from estate_tool.events import sender, settlement
from estate_tool.events.send import Line, Lines
from shared.events import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLIGHTS = list(sample.lines(30))
LINES, DOCUMENTS = "jq -c '.[]'", "jq -c ."


@pytest.fixture
def sent(call: Any, tmp_path: Path) -> Callable[..., Any]:
    """Send a file of these lines with these flags; the outcome, with the counts that it prints as JSON."""

    def sending(lines: list[str], *flags: str) -> Any:
        path = tmp_path / "events.ndjson"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        done = call(send, str(path), *flags, "--json")
        done.counts = json.loads(done.out) if done.out else None
        done.reported = re.findall(r"^line (\d+): ", done.err, re.MULTILINE)
        return done

    return sending


@pytest.fixture
def queued(estate: Any) -> Callable[[], list[str]]:
    """Take everything out of the ingest queue."""
    return lambda: sorted(estate.bodies("queue-ingest-dev"))


def store(estate: Any, lines: list[str], **more: Any) -> None:
    """Store events as counted: without a page each is one of its own."""
    for line in lines:
        key = {"S": parse(line).key}
        estate.client("dynamodb").put_item(TableName="table-events-dev", Item={"event_key": key, **more})
        record = {"page": key, "counted": {"B": b"\x01"}}
        estate.client("dynamodb").put_item(TableName="table-pages-dev", Item=record)


def test_every_line_of_a_file_becomes_a_message(sent: Any, queued: Any) -> None:
    done = sent(FLIGHTS)
    assert done.code == 0
    assert done.counts.pop("seconds") > 0
    assert done.counts == {
        "read": 30, "sent": 30, "rejected": 0, "aggregated": None, "dead_lettered": None, "duplicates": 0,
        "counted_before": None, "missing": None, "through_line": 30,
    }  # fmt: skip
    assert queued() == sorted(FLIGHTS)


def test_stdin_is_read_for_a_hyphen_and_repetitions_are_counted(estate: Any, call: Any, queued: Any) -> None:
    done = call(send, "-", stdin=("\r\n\r\n".join([*FLIGHTS, *FLIGHTS[:4]])).encode())
    assert done.code == 0
    assert re.match(r"34 of 34 lines sent, 0 rejected, in [\d.]+ s \([\d,]+/s\)\n4 of them repeat", done.out)
    assert queued() == sorted([*FLIGHTS, *FLIGHTS[:4]])


BATCH = json.dumps([json.loads(line) for line in FLIGHTS[:3]], indent=1).splitlines()


@pytest.mark.parametrize(
    ("lines", "command"),
    [
        (BATCH, LINES), (["", *BATCH], LINES), (["[", FLIGHTS[0], "]"], LINES),
        ([f"[{FLIGHTS[0]},", f"{FLIGHTS[1]}]"], LINES),
        (json.dumps(json.loads(FLIGHTS[0]), indent=2).splitlines() * 2, DOCUMENTS),
        (['{ "specversion": "1.0",', '  "id": "1"', "}"], DOCUMENTS),
    ],
    ids=["pretty", "after-a-blank-line", "one-a-line", "within-brackets", "objects", "opened-with-a-member"],
)  # fmt: skip
def test_a_document_of_several_lines_is_one_error_and_nothing_is_sent(
    estate: Any, sent: Any, queued: Any, lines: list[str], command: str
) -> None:
    done = sent(lines)
    assert (done.code, done.err.count("several lines"), done.reported, command in done.err) == (1, 1, [], True)
    assert (done.counts["sent"], queued()) == (0, [])


@pytest.mark.parametrize(
    ("lines", "reported", "reason", "good"),
    [
        ([FLIGHTS[0], "no event", "", '{"specversion":"1.0"}', FLIGHTS[1]], ["2", "4"], "id is missing", FLIGHTS[:2]),
        # A first line that was cut off is no document of several lines.
        *(
            ([cut, *FLIGHTS], ["1"], "not JSON", FLIGHTS)
            for cut in ('{"specversion": "1.0", "id": "x', '{"specversion": "1.0",', '{"data": {"a": [1,')
        ),
        *(([separator.join(FLIGHTS[:3])], ["1"], DOCUMENTS, []) for separator in ("", " ", "\r", "\t")),
        ([*(f"{line}," for line in FLIGHTS[:3]), FLIGHTS[3]], ["1", "2", "3"], "not JSON", FLIGHTS[3:4]),
        # Further ones are counted, not listed.
        (["no event"] * 250, [str(n) for n in range(1, 101)], "further rejected lines", []),
    ],
)
def test_invalid_lines_are_reported_by_number_and_all_others_are_sent(
    estate: Any, sent: Any, queued: Any, lines: list[str], reported: list[str], reason: str, good: list[str]
) -> None:
    done = sent(lines)
    assert (done.code, done.reported, reason in done.err, "--raw" in done.err) == (1, reported, True, True)
    read = sum(map(bool, lines))
    assert (done.counts["read"], done.counts["rejected"]) == (read, read - len(good))
    assert queued() == sorted(good)


@pytest.mark.parametrize(
    ("largest", "lines", "reason"),
    [
        (262_144, [" no event ", FLIGHTS[0], "a\x01b"], "line 3: character 2 of the line is U+0001"),
        (1024, ["x" * 1024, "x", "x" * 1025], "line 3: the line has more than the 1,024 bytes that fit a message"),
    ],
)
def test_raw_lines_are_sent_as_they_are_unless_no_message_of_the_queue_holds_them(
    estate: Any, sent: Any, queued: Any, largest: int, lines: list[str], reason: str
) -> None:
    url = estate.queue_url("queue-ingest-dev")
    estate.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": str(largest)})
    done = sent(lines, "--raw")
    assert (done.code, reason in done.err) == (1, True)
    assert (done.counts["read"], done.counts["sent"], done.counts["rejected"]) == (3, 2, 1)
    assert queued() == sorted(lines[:2])


def test_a_failure_names_the_line_from_which_a_second_call_sends_the_rest(
    estate: Any, sent: Any, queued: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = estate.client("sqs")
    send_batch = sqs.send_message_batch

    def refuse(**call: Any) -> Any:
        if any(entry["MessageBody"] == FLIGHTS[20] for entry in call["Entries"]):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "for a test"}}, "SendMessageBatch")
        return send_batch(**call)

    monkeypatch.setattr(sqs, "send_message_batch", refuse)
    done = sent(FLIGHTS)
    assert (done.code, done.counts["sent"], done.counts["through_line"]) == (1, 20, 20)
    assert "AWS does not allow it" in done.err
    assert "--from-line 21" in done.err
    monkeypatch.setattr(sqs, "send_message_batch", send_batch)
    assert sent(FLIGHTS, "--from-line", "21").counts["read"] == 10
    assert queued() == sorted(FLIGHTS)


class Broken(io.BytesIO):
    """An input that breaks off at its end."""

    def readline(self, size: int | None = -1) -> bytes:
        if line := super().readline(size):
            return line
        raise OSError(errno.EIO, "Input/output error")


def test_an_input_that_breaks_off_is_reported_with_the_line_to_continue_from(estate: Any, call: Any) -> None:
    done = call(send, "-", "--json", stdin="\n".join([*FLIGHTS[:12], ""]).encode(), reader=Broken)
    counts = json.loads(done.out)
    assert (done.code, counts["sent"], counts["through_line"]) == (1, 10, 10)
    assert "can't read on: Input/output error" in done.err
    assert "--from-line 11" in done.err


@pytest.mark.parametrize("reader", [Broken, io.BytesIO])
def test_after_the_embedded_aws_ended_the_whole_file_has_to_be_sent_again(
    estate: Any, call: Any, monkeypatch: pytest.MonkeyPatch, reader: type[io.BytesIO]
) -> None:
    pids = iter([17, *[18] * 9])
    monkeypatch.setattr(estate, "local", True)
    monkeypatch.setattr(aws_errors, "require_running", lambda _: None)
    monkeypatch.setattr(embedded, "status", lambda _paths: SimpleNamespace(pid=next(pids), answering=True))
    done = call(send, "-", "--from-line", "2", "--json", stdin="\n".join([*FLIGHTS, ""]).encode(), reader=reader)
    assert (done.code, json.loads(done.out)["through_line"]) == (1, 0)
    assert "the whole file again, without --from-line" in done.err
    assert "--from-line 1" not in done.err


@pytest.mark.parametrize(
    ("owner", "name", "error", "report"),
    [
        (sender.Sender, "run", sender.Interrupted, "stopped: 0 sent"),
        (settlement.Settlement, "wait", KeyboardInterrupt, "stopped waiting for 30 of 30 messages; all of them"),
    ],
)  # fmt: skip
def test_an_interrupt_reports_how_far_it_came(
    estate: Any, sent: Any, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: type[BaseException],
    report: str,
) -> None:  # fmt: skip
    def interrupted(*_: Any) -> None:
        raise error

    monkeypatch.setattr(owner, name, interrupted)
    done = sent(FLIGHTS, "--wait")
    assert (done.code, report in done.err) == (1, True)


def test_wait_returns_when_all_is_counted_or_dead_and_the_counts_add_up(
    estate: Any, sent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(estate, FLIGHTS)
    sqs, url = estate.client("sqs"), estate.queue_url("queue-ingest-dev")
    sqs.send_message(QueueUrl=estate.queue_url("dlq-ingest-dev"), MessageBody="somebody else's")

    def consumed(*_given: Any) -> set[bytes]:
        """Receive everything twice, so that SQS moves what is not deleted; the flights are deleted."""
        for _ in range(20):
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()):
                if message["Body"] != "poison":
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return set()

    look = settlement.DeadLetters.news
    monkeypatch.setattr(settlement, "lost_events", consumed)
    monkeypatch.setattr(settlement.DeadLetters, "news", lambda self: (consumed(), look(self))[1])
    done = sent([*FLIGHTS, *FLIGHTS[:5], "poison", "poison"], "--raw", "--wait", "--timeout", "30")
    assert done.code == 0, done.err
    names = ("read", "sent", "rejected", "aggregated", "duplicates", "dead_lettered")
    assert [done.counts[name] for name in names] == [37, 37, 0, 30, 5, 2]
    assert sorted(estate.bodies("dlq-ingest-dev")) == ["poison", "poison", "somebody else's"]


def test_events_stored_before_the_send_are_reported_as_counted_before(estate: Any, sent: Any) -> None:
    store(estate, FLIGHTS[:1])  # one of another writer has no time
    store(estate, FLIGHTS[1:20], received_at={"S": "2026-01-01T00:00:00Z"})
    store(estate, FLIGHTS[20:], received_at={"S": "2999-01-01T00:00:00Z"})
    done = sent([*FLIGHTS, *FLIGHTS[:5]], "--wait", "--timeout", "30")
    names = ("sent", "aggregated", "counted_before", "duplicates", "missing")
    assert (done.code, [done.counts[name] for name in names]) == (0, [35, 11, 19, 5, 0])


def test_a_wait_that_takes_too_long_reports_what_is_missing_and_where_to_look(
    estate: Any, call: Any, tmp_path: Path
) -> None:
    store(estate, FLIGHTS[:20])
    done = call(send, "-", "--wait", "--timeout", "0.2", stdin="\n".join(FLIGHTS).encode())
    assert done.code == 1
    assert "10 of 30 messages are neither in the aggregates nor in a dead-letter queue" in done.err
    assert "queue-ingest-dev holds 30, dlq-ingest-dev holds 0, dlq-aggregate-dev does not exist" in done.err
    assert "/aws/lambda/lambda-ingest-dev" in done.err
    assert (
        "20 new events aggregated, 0 counted before, 0 duplicates, 0 in a dead-letter queue, 10 not accounted for"
        in done.out
    )


def test_an_environment_that_is_not_deployed_is_named(empty_estate: Any, call: Any) -> None:
    done = call(send, "-", stdin=FLIGHTS[0].encode())
    assert (done.code, done.out) == (1, "")
    assert "environment dev is not deployed" in done.err
    assert "scripts/deploy_all.sh dev" in done.err


@pytest.mark.parametrize("name", ["missing.ndjson", "."])
def test_a_file_that_can_not_be_read_is_wrong_usage(
    name: str, call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(send, name)
    assert (done.code, f"can't read {name}: " in done.err, done.out) == (2, True, "")


@pytest.mark.parametrize("flag", ["--from-line=0", "--from-line=x", "--timeout=0", "--timeout=nan", "--timeout=soon"])
def test_a_flag_that_makes_no_sense_is_wrong_usage(flag: str, call: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        call(send, "-", flag)
    assert ended.value.code == 2


TOO_LONG = "the line has more than the 100 bytes that fit a message"


@pytest.mark.parametrize(
    ("content", "first", "lines"),
    [
        (b"", 1, []), (b"\n\n", 1, []), (b"\xef\xbb\xbf{}\n", 1, [Line(1, "{}")]),
        (b"a\n\n  \t\r\nb\r\nc", 1, [Line(1, "a"), Line(4, "b"), Line(5, "c")]),
        (b"a\nb\nc\n", 2, [Line(2, "b"), Line(3, "c")]), (b"a\nb\nc\n", 9, []),
        (b"ab\xff\nok\n", 1, [Line(1, "", "the line is not UTF-8 text: byte 3 is wrong"), Line(2, "ok")]),
        ("é".encode() * 50, 1, [Line(1, "é" * 50)]), ("é".encode() * 51, 1, [Line(1, "", TOO_LONG)]),
        *((b"x" * 100 + end, 1, [Line(1, "x" * 100)]) for end in (b"", b"\n", b"\r\n")),
        *(
            (b"x" * length + end + b"y\n", 1, [Line(1, "", TOO_LONG), Line(2, "y")])
            for length in (101, 102, 103, 104, 200_000) for end in (b"\n", b"\r\n")
        ),
        *((b"x" * length, 1, [Line(1, "", TOO_LONG)]) for length in (101, 103)),
        *(
            (f"ab{character}c".encode(), 1,
             [Line(1, "", f"character 3 of the line is U+{ord(character):04X}, which no message can hold")])
            for character in "\x00\x1f\x0b\ufffe\uffff"
        ),
        *(
            (f"a{character}b\n".encode(), 1, [Line(1, f"a{character}b")])
            for character in "\ta\x7f\x85\u2028\ud7ff\ue000\ufffd\U0010ffff"
        ),
    ],
)  # fmt: skip
def test_lines_are_numbered_from_one_blank_ones_skipped_and_each_fits_a_message(
    content: bytes, first: int, lines: list[Line]
) -> None:
    reading = Lines(io.BytesIO(content), longest=100, first=first)
    assert list(reading) == lines
    assert reading.bytes_read == len(content)
