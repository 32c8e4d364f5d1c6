"""Events, batches and contexts for the tests of the functions, and their expected totals."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from shared.deadline import Deadline
from shared.events import parse


class FakeContext:
    """A context with a fixed time left, or one that runs down by a step each time it is asked."""

    def __init__(self, milliseconds: int = 30_000, step: int = 0) -> None:
        self.milliseconds = milliseconds
        self.step = step

    def get_remaining_time_in_millis(self) -> int:
        self.milliseconds -= self.step
        return self.milliseconds


def deadline(milliseconds: int = 30_000, step: int = 0) -> Deadline:
    """Return a deadline that takes no real time."""
    return Deadline(FakeContext(milliseconds, step), sleep=lambda _: None)


DELAY: Mapping[str, Any] = {"dep_delay": 2}


def event_text(event_id: str = "1", data: object = DELAY, *, ascii_only: bool = True, **changes: Any) -> str:
    """The JSON text of a valid event, with members changed, or left out where they are `...`."""
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/test",
        "type": "flight.departed",
        "subject": "UA",
        "time": "2013-01-01T05:15:00Z",
        "data": data,
        **changes,
    }
    return json.dumps({name: value for name, value in event.items() if value is not ...}, ensure_ascii=ascii_only)


def sqs_batch(bodies: Sequence[str], receives: int = 1) -> dict[str, Any]:
    """Return a batch of a queue's messages as Lambda passes it; message ids are m0, m1, …"""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": f"r{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies)
        ]
    }


def stream_record(image: Mapping[str, Any], number: int = 1, name: str = "INSERT") -> dict[str, Any]:
    change = {"Keys": {}, "NewImage": dict(image), "SequenceNumber": str(number), "StreamViewType": "NEW_IMAGE"}
    return {"eventID": str(number), "eventName": name, "dynamodb": change, "eventSource": "aws:dynamodb"}


def scheduled(moment: str, execution: str = "e1", **declared: Any) -> dict[str, Any]:
    """A call of a schedule as EventBridge Scheduler makes it, with the input that the catalog declares."""
    arn = "arn:aws:scheduler:us-east-1:123456789012:schedule/schedule-some-dev/schedule-some-dev"
    return {"schedule": arn, "scheduledTime": moment, "executionId": execution, "input": declared}


def image_of(text: str, position: int | None = 0, page: str = "p") -> dict[str, Any]:
    """Return an event as `ingest` stores it; without a position, as another writer might."""
    image = {"event_key": {"S": parse(text).key}, "event": {"S": text}, "expires_at": {"N": "1700000000"}}
    return image if position is None else {**image, "page": {"S": page}, "position": {"N": str(position)}}


def stream_batch(texts: Sequence[str]) -> dict[str, Any]:
    """Return a batch of the events table's stream as Lambda passes it."""
    images = [image_of(text, number) for number, text in enumerate(texts)]
    return {"Records": [stream_record(image, number) for number, image in enumerate(images, 1)]}


Moments = tuple[int, Fraction, Fraction]
Totals = dict[tuple[str, str | None, str], tuple[int, dict[str, Moments]]]


def totals_of(events: Iterable[Mapping[str, Any]]) -> Totals:
    """Compute directly what the aggregates must hold, from (type, subject, hour, literals by field)."""
    counts: dict[Any, int] = defaultdict(int)
    fields: dict[Any, dict[str, Moments]] = defaultdict(dict)
    for event in events:
        for subject in (event["subject"], None):
            target = event["type"], subject, event["hour"]
            counts[target] += 1
            for field, literal in event["data"].items():
                value = Fraction(literal)
                n, total, squares = fields[target].get(field, (0, Fraction(0), Fraction(0)))
                fields[target][field] = n + 1, total + value, squares + value * value
    return {target: (count, dict(fields[target])) for target, count in counts.items()}


ODD_NAMES = [
    "", "dep_delay", "a.b", "#0", ":0", "count", "count:x", "sum+1:x", "subject", "🛫", "a b", "é", "\n", "[0]",
]  # fmt: skip


@st.composite
def literals(draw: st.DrawFn) -> str:
    """Numbers as JSON writes them: ordinary ones, and any DynamoDB could hold."""
    if draw(st.booleans()):
        return draw(st.sampled_from(["0", "-0", "1", "-7", "0.5", "12.25", "-0.10", "1e3", "2475", "1.0E-2"]))
    digits = draw(st.integers(1, 10**38 - 1))
    exponent = draw(st.integers(-130, 126 - len(str(digits))))
    return f"{draw(st.sampled_from(['', '-']))}{digits}e{exponent}"


@st.composite
def plain_events(draw: st.DrawFn) -> dict[str, Any]:
    """Pairs of an event and its JSON text."""
    hour = draw(st.sampled_from(["2013-01-01T05", "2013-01-01T06", "2014-12-31T23"]))
    data = draw(st.dictionaries(st.sampled_from(ODD_NAMES) | st.text(max_size=5), literals(), max_size=5))
    subject = draw(st.sampled_from(["", "UA", "é🛫"]))
    head = {
        "specversion": "1.0",
        "id": draw(st.sampled_from("abcdefgh")),
        "source": draw(st.sampled_from(["/a", "/b"])),
        "type": draw(st.sampled_from(["flight", "flight.departed"])),
        "subject": subject,
        "time": f"{hour}:{draw(st.integers(0, 59)):02}:00Z",
    }
    members = ", ".join(f"{json.dumps(name)}: {literal}" for name, literal in data.items())
    content = f"{{{members}}}"
    if draw(st.booleans()):
        content = f'"{base64.b64encode(content.encode()).decode()}"'
    said = json.dumps({**head, "subject": subject or None})
    text = f'{said[:-1]}, "{"data_base64" if content[0] == chr(34) else "data"}": {content}}}'
    return {**head, "hour": f"{hour}:00:00Z", "data": data, "text": text}
