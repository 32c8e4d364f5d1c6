"""An AWS that accepts everything at once, for measurements and tests of clients.

Run as a process (`python -m tests.support.stub_aws SECONDS`), it prints its port and ends with its stdin. Each answer
takes that many seconds more than this machine needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOURS = 8_760
PAGE = 2_700  # aggregates of four fields in 1 MB
_NEW_YEAR = datetime(2013, 1, 1, tzinfo=UTC)


def answer_to(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return AWS's answer to a valid request."""
    if operation == "SendMessageBatch":
        ids = [entry["Id"] for entry in request["Entries"]]
        return {"Successful": [{"Id": each, "MessageId": f"id-{each}", "MD5OfMessageBody": "0" * 32} for each in ids]}
    if operation == "BatchExecuteStatement":
        return {"Responses": [{} for _ in request["Statements"]]}
    if operation == "BatchGetItem":
        return {"Responses": {}, "UnprocessedKeys": {}}
    return _page(request) if operation == "Query" else {}


def _page(request: dict[str, Any]) -> dict[str, Any]:
    """A page of a year of hourly aggregates, as long as DynamoDB makes them."""
    values = request["ExpressionAttributeValues"]
    after = request.get("ExclusiveStartKey", {}).get("hour", {}).get("S")
    first = _number(after) + 1 if after else max(_number(values[":first"]["S"]), 0)
    last = min(first + request["Limit"], first + PAGE, HOURS)
    items = [_item(number) for number in range(first, last)]
    more = {"LastEvaluatedKey": {"hour": items[-1]["hour"]}} if items and last < HOURS else {}
    return {"Items": items, "Count": len(items), **more}


def _number(hour: str) -> int:
    return int((datetime.fromisoformat(hour) - _NEW_YEAR) / timedelta(hours=1))


def _item(number: int) -> dict[str, Any]:
    hour = (_NEW_YEAR + timedelta(hours=number)).strftime("%Y-%m-%dT%H:00:00Z")
    item: dict[str, Any] = {"series": {"S": "s"}, "type": {"S": "t"}, "hour": {"S": hour}, "count": {"N": "40"}}
    for field in ("air_time", "arr_delay", "dep_delay", "distance"):
        item |= {f"count:{field}": {"N": "40"}, f"sum:{field}": {"N": "6000"}, f"squares:{field}": {"N": "900000"}}
    return item


def serve(listener: socket.socket, answer: Callable[[str, dict[str, Any]], dict[str, Any]], seconds: float) -> None:
    """Answer every client, each connection in a thread, until the listener is closed."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_talk, args=(connection, answer, seconds), daemon=True).start()


def _talk(connection: socket.socket, answer: Callable[[str, dict[str, Any]], dict[str, Any]], seconds: float) -> None:
    with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
        while stream.readline():
            length, operation = 0, ""
            while line := stream.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                elif name.lower() == b"x-amz-target":
                    operation = value.decode().rpartition(".")[2]
            status, content = _answered(answer, operation, json.loads(stream.read(length)))
            body = json.dumps(content).encode()
            time.sleep(seconds)
            head = (
                f"HTTP/1.1 {status} Stub\r\ncontent-type: application/x-amz-json-1.0\r\nx-amzn-requestid: 1\r\n"
                f"x-amz-crc32: {zlib.crc32(body)}\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)


def _answered(
    answer: Callable[[str, dict[str, Any]], dict[str, Any]], operation: str, request: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    try:
        return 200, answer(operation, request)
    except AwsError as error:
        return error.status, {**error.answer, "__type": error.code, "message": str(error)}


@contextlib.contextmanager
def here(answer: Callable[[str, dict[str, Any]], dict[str, Any]]) -> Iterator[str]:
    """Serve an answer in this process; yields the address. An AwsError that it raises is the error of the service."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        threading.Thread(target=serve, args=(listener, answer, 0.0), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def elsewhere(seconds: float = 0.0) -> Iterator[str]:
    """Yield the address of one in a process of its own, whose processor time is not the test's."""
    command = [sys.executable, "-m", "tests.support.stub_aws", str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.communicate()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=64) as own:
        print(own.getsockname()[1], flush=True)
        threading.Thread(target=serve, args=(own, answer_to, float(sys.argv[1])), daemon=True).start()
        sys.stdin.read()
        os._exit(0)
