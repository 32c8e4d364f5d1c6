"""Vectors after the conformance tests of CloudEvents' JSON format (github.com/cloudevents/conformance, format/json).

The names and what each vector is about are theirs, the events are ours. `...` leaves a member out.
"""

import json
from typing import Any, NamedTuple

_MINIMAL = {"specversion": "1.0", "id": "v", "type": "estate.vector", "source": "/vectors"}
A_TIME = "2026-03-01T10:15:00Z"
_OWN_TIME = "`time` is the hour an event counts in"
_OWN_DATA = "the estate measures fields of an object; other content may stand in `data_base64`, with its type"


class Vector(NamedTuple):
    """An event of the conformance tests: what it changes of the minimal one, and whether the specification has it."""

    name: str
    members: dict[str, Any]
    conforms: bool
    own_rule: str = ""
    """Why the estate refuses, even with a time, what conforms."""

    def text(self, **more: Any) -> str:
        """The event, with further members."""
        event = {**_MINIMAL, **self.members, **more}
        return json.dumps({name: value for name, value in event.items() if value is not ...})


VALID = (
    Vector("validMinimal", {}, True),
    Vector(
        "validMinimalWithNullForOptional",
        {"datacontenttype": None, "dataschema": None, "subject": None, "time": None}, True,
    ),
    Vector(
        "validAllCoreAttributes",
        {"datacontenttype": "text/plain", "dataschema": "https://example.org/s", "subject": "s", "time": A_TIME}, True,
    ),
    Vector("validMinimalWithTimeUtc", {"time": A_TIME}, True),
    Vector("validMinimalWithTimeToNanosecondsUtc", {"time": "2026-03-01T10:15:00.000000000Z"}, True),
    Vector("validMinimalWithTimeUsingPositiveOffset", {"time": "2026-03-01T11:15:00+01:00"}, True),
    Vector("validMinimalWithTimeUsingNegativeOffset", {"time": "2026-03-01T09:15:00-01:00"}, True),
    Vector("validRelativeSource", {"source": "#part"}, True),
    Vector("validSimpleTextData", {"datacontenttype": "text/plain", "data": "a text"}, True, _OWN_DATA),
    Vector(
        "validAllExtensionTypes",
        {
            "extinteger": 10, "extboolean": True, "extstring": "text", "exturi": "https://example.org",
            "exturiref": "//host/path", "exttimestamp": A_TIME, "extbinary": "TWE=",
        }, True,
    ),
)  # fmt: skip
INVALID = (
    Vector("invalidNoSpecVersion", {"specversion": ...}, False),
    Vector("invalidNoId", {"id": ...}, False),
    Vector("invalidNoType", {"type": ...}, False),
    Vector("invalidNoSource", {"source": ...}, False),
    Vector("invalidTimeGarbage", {"time": "noon"}, False),
    Vector("invalidTimeToMinute", {"time": "2026-03-01T10:15Z"}, False),
    Vector("invalidTimeOffsetX", {"time": "2026-03-01T10:15:00X"}, False),
    Vector("invalidTimeOffsetOutOfRange", {"time": "2026-03-01T10:15:00+25:00"}, False),
    Vector("invalidTimeOffsetNonInteger", {"time": "2026-03-01T10:15:00+xx:00"}, False),
    Vector("invalidTimeOffsetHourOnly", {"time": "2026-03-01T10:15:00+05"}, False),
    Vector("invalidEmptyId", {"id": ""}, False),
    Vector("invalidEmptyType", {"type": ""}, False),
    Vector("invalidEmptySource", {"source": ""}, False),
    Vector("invalidEmptySpecVersion", {"specversion": ""}, False),
    Vector("invalidUnknownSpecVersion", {"specversion": "0.9"}, False),
    Vector("invalidNonRfc2046DataContentType", {"datacontenttype": "xyz"}, False),
    Vector("invalidEmptyDataContentType", {"datacontenttype": ""}, False),
    Vector("invalidEmptyDataSchema", {"dataschema": ""}, False),
    Vector("invalidEmptySubject", {"subject": ""}, False),
    Vector("invalidNumericId", {"id": 25}, False),
    Vector("invalidObjectId", {"id": {"a": "b"}}, False),
    Vector("invalidCapitalizedExtension", {"MyExtension": "x"}, False),
    Vector("invalidPunctuatedExtension", {"my.extension": "x"}, False),
    Vector("invalidNonIntegerExtensionValue", {"myextension": 1.5}, False),
    Vector("invalidBothDataAndDataBase64", {"data": "text", "data_base64": "eyJuIjogMX0="}, False),
)
BATCHES: dict[str, list[Any]] = {
    "validBatchEmpty": [],
    "validBatchMinimal": [VALID[0]],
    "validBatchMinimal2": [VALID[0], VALID[0]],
    "validBatchMinimalAndAllCore": [VALID[0], VALID[2]],
    "validBatchMinimalAndAllExtensionTypes": [VALID[0], VALID[9]],
    "invalidBatchMixedSpecVersions": [VALID[0], INVALID[14]],
    "invalidBatchContainingInvalidCloudEvent": [INVALID[1]],
    "invalidBatchContainingNonObject": ["no object", VALID[0]],
}


def batch_text(name: str) -> str:
    """The batch as one JSON array."""
    return f"[{', '.join(one.text() if isinstance(one, Vector) else json.dumps(one) for one in BATCHES[name])}]"


def judged(text: str) -> str:
    """Judge an event: "" where the estate takes it, else the reason."""
    from shared.events import InvalidEvent, parse

    try:
        parse(text)
    except InvalidEvent as error:
        return str(error)
    return ""


def table() -> str:
    """Return each vector with its result as published; and with a time, where it has none."""
    rows = [f"| {one.name} | {_result(one)} |\n" for one in (*VALID, *INVALID)]
    rows += [f"| {name} | refused: {judged(batch_text(name))} |\n" for name in BATCHES]
    return "| vector | the estate |\n|---|---|\n" + "".join(rows)


def _result(vector: Vector) -> str:
    reason, timed = judged(vector.text()), judged(vector.text(time=vector.members.get("time") or A_TIME))
    if vector.conforms and reason and not timed:
        return f"taken with a `time`; without, refused: {reason}: {_OWN_TIME}"
    return f"refused: {timed}{' · ' + vector.own_rule if vector.own_rule else ''}" if timed else "taken"
