"""`estate send` as a user calls it, against moto."""

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
from estate_tool.core import embedded
from estate_tool.core.aws_errors import require_running
from estate_tool.events import sender, settlement
from estate_tool.events.send import Line, Lines
from shared.events import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLIGHTS = list(sample.lines(30))
KEYS = {"read", "sent", "rejected", "aggregated", "dead_lettered", "duplicates", "seconds"}


@pytest.fixture
def events(tmp_path: Path) -> Callable[..., str]:
    """A file of these lines."""

    def written(*lines: str) -> str:
        path = tmp_path / "events.ndjson"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    return written


def mark(estate: Any, lines: list[str]) -> None:
    """Do what the aggregation does last."""
    for line in lines:
        key = parse(line).key
        estate.client("dynamodb").put_item(TableName="table-events-dev", Item={"event_key": {"S": key}})
        # Without a page it is one of its own.
        record = {"page": {"S": key}, "counted": {"B": b"\x01"}}
        estate.client("dynamodb").put_item(TableName="table-pages-dev", Item=record)


def test_every_line_of_a_file_becomes_a_message(estate: Any, call: Any, events: Any) -> None:
    done = call(send, events(*FLIGHTS), "--json")
    assert done.code == 0
    result = json.loads(done.out)
    assert set(result) >= KEYS
    assert {name: result[name] for name in KEYS - {"seconds"}} == {
        "read": 30, "sent": 30, "rejected": 0, "aggregated": None, "dead_lettered": None, "duplicates": 0,
    }  # fmt: skip
    assert sorted(estate.bodies("queue-ingest-dev")) == sorted(FLIGHTS)


def test_stdin_is_read_for_a_hyphen(estate: Any, call: Any) -> None:
    done = call(send, "-", stdin=("\r\n\r\n".join(FLIGHTS)).encode())
    assert done.code == 0
    assert re.match(r"30 of 30 lines sent, 0 rejected, in [\d.]+ s \([\d,]+/s\)\n", done.out)
    assert sorted(estate.bodies("queue-ingest-dev")) == sorted(FLIGHTS)


def test_invalid_lines_are_named_and_not_sent(estate: Any, call: Any, events: Any) -> None:
    done = call(send, events(FLIGHTS[0], "no event", "", '{"specversion":"1.0"}', FLIGHTS[1]), "--json")
    assert done.code == 1
    assert re.search(r"^line 2: the event is not JSON", done.err, re.MULTILINE)
    assert re.search(r"^line 4: id is missing", done.err, re.MULTILINE)
    assert "2 of 4 lines not sent" in done.err
    assert "--raw" in done.err
    result = json.loads(done.out)
    assert (result["read"], result["sent"], result["rejected"]) == (4, 2, 2)
    assert sorted(estate.bodies("queue-ingest-dev")) == sorted(FLIGHTS[:2])


BATCH = json.dumps([json.loads(line) for line in FLIGHTS[:3]], indent=1).splitlines()


@pytest.mark.parametrize(
    ("lines", "way"),
    [
        (BATCH, "jq -c '.[]'"),
        (["", *BATCH], "jq -c '.[]'"),
        (["[", FLIGHTS[0], "]"], "jq -c '.[]'"),
        ([f"[{FLIGHTS[0]},", f"{FLIGHTS[1]}]"], "jq -c '.[]'"),
        (json.dumps(json.loads(FLIGHTS[0]), indent=2).splitlines() * 2, "jq -c ."),
        (['{ "specversion": "1.0",', '  "id": "1"', "}"], "jq -c ."),
    ],
    ids=["pretty", "after-a-blank-line", "one-a-line", "within-brackets", "objects", "opened-with-a-member"],
)
def test_a_document_of_several_lines_is_said_to_be_one_once_and_nothing_is_sent(
    estate: Any, call: Any, events: Any, lines: list[str], way: str
) -> None:
    done = call(send, events(*lines), "--json")
    assert done.code == 1
    assert (done.err.count("several lines"), done.err.count("not JSON"), way in done.err) == (1, 0, True)
    assert json.loads(done.out)["sent"] == 0
    assert estate.bodies("queue-ingest-dev") == []


@pytest.mark.parametrize("cut", ['{"specversion": "1.0", "id": "x', '{"specversion": "1.0",', '{"data": {"a": [1,'])
def test_a_first_line_that_was_cut_off_is_one_bad_line(estate: Any, call: Any, events: Any, cut: str) -> None:
    done = call(send, events(cut, *FLIGHTS), "--json")
    assert re.findall(r"^line (\d+):", done.err, re.MULTILINE) == ["1"]
    assert json.loads(done.out)["sent"] == 30


@pytest.mark.parametrize("separator", ["", " ", "\r", "\t"])
def test_several_events_in_a_line_are_one_error_with_the_way_to_make_lines(
    estate: Any, call: Any, events: Any, separator: str
) -> None:
    done = call(send, events(separator.join(FLIGHTS[:3])), "--json")
    assert (done.code, done.err.count("line 1:"), "jq -c ." in done.err) == (1, 1, True)


def test_commas_after_lines_are_reported_by_line_and_what_is_right_is_sent(estate: Any, call: Any, events: Any) -> None:
    done = call(send, events(*(f"{line}," for line in FLIGHTS[:3]), FLIGHTS[3]), "--json")
    assert re.findall(r"^line (\d+):", done.err, re.MULTILINE) == ["1", "2", "3"]
    assert estate.bodies("queue-ingest-dev") == [FLIGHTS[3]]


def test_of_many_invalid_lines_the_first_are_named_and_all_are_counted(estate: Any, call: Any, events: Any) -> None:
    done = call(send, events(*["no event"] * 250), "--json")
    assert done.err.count("is not JSON") == 100
    assert "further rejected lines are counted, not listed" in done.err
    assert json.loads(done.out)["rejected"] == 250
    assert estate.bodies("queue-ingest-dev") == []


def test_raw_sends_what_is_invalid_as_it_is_but_not_what_no_message_can_hold(
    estate: Any, call: Any, events: Any
) -> None:
    done = call(send, events(" no event ", FLIGHTS[0], "a\x01b"), "--raw", "--json")
    assert done.code == 1
    assert "line 3: character 2 of the line is U+0001" in done.err
    result = json.loads(done.out)
    assert (result["read"], result["sent"], result["rejected"]) == (3, 2, 1)
    assert sorted(estate.bodies("queue-ingest-dev")) == sorted([" no event ", FLIGHTS[0]])


def test_a_line_longer_than_the_queue_takes_is_rejected_before_it_is_sent(estate: Any, call: Any, events: Any) -> None:
    sqs, url = estate.client("sqs"), estate.queue_url("queue-ingest-dev")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    done = call(send, events("x" * 1024, "x" * 1025), "--raw", "--json")
    assert done.code == 1
    assert "line 2: the line has more than the 1,024 bytes that fit a message" in done.err
    assert estate.bodies("queue-ingest-dev") == ["x" * 1024]


def test_lines_before_the_first_one_wanted_are_not_sent(estate: Any, call: Any, events: Any) -> None:
    done = call(send, events(*FLIGHTS), "--from-line", "29", "--json")
    assert json.loads(done.out)["read"] == 2
    assert sorted(estate.bodies("queue-ingest-dev")) == sorted(FLIGHTS[28:])


def test_a_repeated_event_is_sent_and_called_a_duplicate(estate: Any, call: Any, events: Any) -> None:
    done = call(send, events(*FLIGHTS, *FLIGHTS[:4]))
    assert done.code == 0
    assert "34 of 34 lines sent" in done.out
    assert "4 of them repeat an event of this send" in done.out
    assert len(estate.bodies("queue-ingest-dev")) == 34


def test_a_failure_names_the_line_up_to_where_everything_is_sent_and_a_second_call_sends_the_rest(
    estate: Any, call: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sqs = events(*FLIGHTS), estate.client("sqs")
    send_batch = sqs.send_message_batch

    def refuse(**call: Any) -> Any:
        if any(entry["MessageBody"] == FLIGHTS[20] for entry in call["Entries"]):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "for a test"}}, "SendMessageBatch")
        return send_batch(**call)

    monkeypatch.setattr(sqs, "send_message_batch", refuse)
    done = call(send, path, "--json")
    assert done.code == 1
    assert "AWS does not allow it" in done.err
    assert "everything up to line 20 is sent or rejected" in done.err
    assert "--from-line 21" in done.err
    result = json.loads(done.out)
    assert (result["sent"], result["through_line"]) == (20, 20)
    monkeypatch.setattr(sqs, "send_message_batch", send_batch)
    assert call(send, path, "--from-line", "21").code == 0
    assert sorted(estate.bodies("queue-ingest-dev")) == sorted(FLIGHTS)


@pytest.mark.parametrize("broken", [True, False])
def test_after_the_embedded_aws_ended_no_line_is_named_before_which_something_may_be_missing(
    estate: Any, call: Any, events: Any, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    class Broken(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            if broken and self.tell() > 9000:
                raise OSError(errno.EIO, "Input/output error")
            return super().readline(size)

    pids = iter([17, *[18] * 9])
    monkeypatch.setattr(estate, "local", True, raising=False)
    monkeypatch.setattr("estate_tool.core.aws_errors.require_running", lambda _: None)
    monkeypatch.setattr(embedded, "status", lambda _place: SimpleNamespace(pid=next(pids), answering=True))
    done = call(send, "-", "--from-line", "2", "--json", stdin="\n".join(FLIGHTS).encode(), reader=Broken)
    assert done.code == 1
    assert json.loads(done.out)["through_line"] == 0
    assert "the whole file again, without --from-line" in done.err
    assert "--from-line 1" not in done.err


def test_an_input_that_breaks_off_is_reported_with_how_to_go_on(estate: Any, call: Any) -> None:
    class Broken(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            if line := super().readline(size):
                return line
            raise OSError(errno.EIO, "Input/output error")

    done = call(send, "-", "--json", stdin="\n".join([*FLIGHTS[:12], ""]).encode(), reader=Broken)
    result = json.loads(done.out)
    assert (done.code, result["sent"], result["through_line"]) == (1, 10, 10)
    assert "error: can't read on: Input/output error" in done.err
    assert "--from-line 11" in done.err


def test_an_interrupt_shows_how_to_go_on(estate: Any, call: Any, events: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise sender.Interrupted

    monkeypatch.setattr(sender.Sender, "run", interrupted)
    done = call(send, events(*FLIGHTS))
    assert done.code == 1
    assert "error: stopped: 0 sent" in done.err
    assert "begin again with the same command" in done.err


def test_wait_returns_when_all_is_marked_or_dead_and_the_counts_add_up(estate: Any, call: Any, events: Any) -> None:
    mark(estate, FLIGHTS)
    sqs, url = estate.client("sqs"), estate.queue_url("queue-ingest-dev")

    def poisoned() -> set[str]:
        """Receive everything twice, so that redrive moves what is not deleted; the flights are deleted."""
        for _ in range(20):
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()):
                if message["Body"] != "poison":
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return set()

    sqs.send_message(QueueUrl=estate.queue_url("dlq-ingest-dev"), MessageBody="somebody else's")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settlement, "lost_events", lambda *_: poisoned())
        consume_first = settlement.DeadLetters.news
        patch.setattr(settlement.DeadLetters, "news", lambda self: (poisoned(), consume_first(self))[1])
        done = call(
            send, events(*FLIGHTS, *FLIGHTS[:5], "poison", "poison"), "--raw", "--wait", "--timeout", "30", "--json"
        )
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert {name: result[name] for name in KEYS - {"seconds"}} == {
        "read": 37, "sent": 37, "rejected": 0, "aggregated": 30, "duplicates": 5, "dead_lettered": 2,
    }  # fmt: skip
    assert sorted(estate.bodies("dlq-ingest-dev")) == ["poison", "poison", "somebody else's"]


def test_what_was_stored_before_the_send_is_reported_as_counted_before(estate: Any, call: Any, events: Any) -> None:
    mark(estate, FLIGHTS)
    dynamodb = estate.client("dynamodb")
    for number, line in enumerate(FLIGHTS):
        received = "2026-01-01T00:00:00Z" if number < 20 else "2999-01-01T00:00:00Z"
        item = {"event_key": {"S": parse(line).key}, "received_at": {"S": received}}
        # One of another writer has no time.
        dynamodb.put_item(TableName="table-events-dev", Item=item if number else {"event_key": item["event_key"]})
    done = call(send, events(*FLIGHTS, *FLIGHTS[:5]), "--wait", "--timeout", "30", "--json")
    result = json.loads(done.out)
    assert done.code == 0
    counts = {name: result[name] for name in ("sent", "aggregated", "counted_before", "duplicates", "missing")}
    assert counts == {"sent": 35, "aggregated": 11, "counted_before": 19, "duplicates": 5, "missing": 0}
    shown = call(send, events(*FLIGHTS), "--wait", "--timeout", "30").out
    assert "11 new events aggregated, 19 counted before, 0 duplicates, 0 in a dead-letter queue" in shown


def test_a_wait_that_takes_too_long_reports_what_is_missing_and_where_to_look(
    estate: Any, call: Any, events: Any
) -> None:
    mark(estate, FLIGHTS[:20])
    done = call(send, events(*FLIGHTS), "--wait", "--timeout", "0.2")
    assert done.code == 1
    assert "10 of 30 messages are neither in the aggregates nor in a dead-letter queue" in done.err
    assert "queue-ingest-dev holds 30, dlq-ingest-dev holds 0, dlq-aggregate-dev does not exist" in done.err
    assert "/aws/lambda/lambda-ingest-dev" in done.err
    assert (
        "20 new events aggregated, 0 counted before, 0 duplicates, 0 in a dead-letter queue, 10 not accounted for"
        in done.out
    )


def test_an_interrupted_wait_reports_that_all_is_sent(
    estate: Any, call: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(settlement.Settlement, "wait", interrupted)
    done = call(send, events(*FLIGHTS), "--wait")
    assert done.code == 1
    assert "stopped waiting for 30 of 30 messages; all of them are sent" in done.err


def test_an_environment_that_is_not_deployed_is_named(empty_estate: Any, call: Any, events: Any) -> None:
    done = call(send, events(*FLIGHTS))
    assert done.code == 1
    assert done.out == ""
    assert "environment dev is not deployed" in done.err
    assert "scripts/deploy_all.sh dev" in done.err


def test_a_local_environment_that_was_never_deployed_is_said_to_be_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from estate_tool.core.errors import Failed

    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    stopped: Any = SimpleNamespace(local=True, name="local-b")
    with pytest.raises(Failed) as failed:
        require_running(stopped)
    assert (failed.value.code, "scripts/deploy_all.sh local-b" in failed.value.hint) == ("not_deployed", True)


@pytest.mark.parametrize("name", ["missing.ndjson", "."])
def test_a_file_that_can_not_be_read_is_wrong_usage(
    name: str, call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(send, name)
    assert done.code == 2
    assert f"can't read {name}: " in done.err
    assert done.out == ""


@pytest.mark.parametrize("flag", ["--from-line=0", "--from-line=x", "--timeout=0", "--timeout=nan", "--timeout=soon"])
def test_a_flag_that_makes_no_sense_is_wrong_usage(flag: str, call: Any, events: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        call(send, events(*FLIGHTS), flag)
    assert ended.value.code == 2


def read(content: bytes, *, longest: int = 100, first: int = 1) -> list[Line]:
    return list(Lines(io.BytesIO(content), longest=longest, first=first))


def test_lines_are_numbered_from_one_and_blank_ones_are_skipped() -> None:
    assert read(b"a\n\n  \t\r\nb\r\nc") == [Line(1, "a"), Line(4, "b"), Line(5, "c")]


def test_nothing_is_no_lines() -> None:
    assert read(b"") == []
    assert read(b"\n\n") == []


def test_lines_before_the_first_are_left_out() -> None:
    assert read(b"a\nb\nc\n", first=2) == [Line(2, "b"), Line(3, "c")]
    assert read(b"a\nb\nc\n", first=9) == []


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert read(b"\xef\xbb\xbf{}\n") == [Line(1, "{}")]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_longest_line_fits_whatever_ends_it(end: bytes) -> None:
    assert read(b"x" * 100 + end) == [Line(1, "x" * 100)]


@pytest.mark.parametrize("length", [101, 102, 103, 104, 5_000_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_that_is_too_long_is_rejected_and_the_next_one_has_the_next_number(length: int, end: bytes) -> None:
    found = read(b"x" * length + end + (b"y\n" if end else b""))
    assert found[0] == Line(1, "", "the line has more than the 100 bytes that fit a message")
    assert found[1:] == ([Line(2, "y")] if end else [])


def test_a_line_is_measured_in_bytes() -> None:
    assert read("é".encode() * 50) == [Line(1, "é" * 50)]
    assert read("é".encode() * 51)[0].problem


@pytest.mark.parametrize("character", ["\x00", "\x1f", "\x0b", "\ufffe", "\uffff"])
def test_a_character_that_no_message_holds_is_named(character: str) -> None:
    (line,) = read(f"ab{character}c".encode())
    assert line.problem == f"character 3 of the line is U+{ord(character):04X}, which no message can hold"


@pytest.mark.parametrize("character", ["\t", "a", "\x7f", "\x85", "\u2028", "\ud7ff", "\ue000", "\ufffd", "\U0010ffff"])
def test_every_other_character_passes_and_ends_no_line(character: str) -> None:
    assert read(f"a{character}b\n".encode()) == [Line(1, f"a{character}b")]


def test_what_is_not_utf_8_is_rejected() -> None:
    assert read(b"ab\xff\nok\n") == [Line(1, "", "the line is not UTF-8 text: byte 3 is wrong"), Line(2, "ok")]


def test_it_reports_how_far_it_has_come() -> None:
    lines = Lines(io.BytesIO(b"a\n\n" + b"x" * 70_000 + b"\nb"), longest=10)
    assert [line.number for line in lines] == [1, 3, 4]
    assert lines.bytes_read == 70_005
    assert lines.number == 4
