"""Lambda's execution environments: packages, peak memory and log stream of each, errors and limits as on AWS."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from compute import wheels
from compute.imports import RUNTIME_PACKAGES
from local_aws.server.patches.target import always_on_loop, lambda_runtime, lambda_svc, on_loop, responses

_PACKAGES = "_ESTATE_PACKAGES"
# Of what is installed beside the emulator, a handler gets what Lambda's Pythons have; a package of its own comes first.
_INSTALLED = [path for path in sys.path if path.endswith("-packages")]
_RUNTIME = f"""
def _estate_runtime():
    import importlib.machinery, sys
    class Runtime:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if path is None and name in {sorted(RUNTIME_PACKAGES)!r}:
                return importlib.machinery.PathFinder.find_spec(name, {_INSTALLED!r})
    sys.meta_path.append(Runtime)
_estate_runtime()
"""
# The emulator's own settings mean something else to a handler.
_NOT_FOR_HANDLERS = (
    "LOG_LEVEL",
    "AUTH",
    "PERSIST_STATE",
    "STATE_DIR",
    "BIND_HOST",
    "ESTATE_AWS_FOLDER",
    "SERVICES",
    "ESTATE_DOWNLOADS",
)

# Printed after each invocation, to separate its lines from the next one's.
_MARK = "\x00end of invocation"
# "Lambda quotas" in the developer guide.
_LARGEST_PAYLOAD = 6 * 1024 * 1024
_LARGEST_EVENT = 1024 * 1024

_thread = threading.local()


def apply() -> None:
    """Make the corrections."""
    downloads = json.loads(os.environ["ESTATE_DOWNLOADS"])
    for name in _NOT_FOR_HANDLERS:
        os.environ.pop(name, None)

    class Worker(Environment):
        def __init__(self, command: list[str], *args: Any, **kwargs: Any) -> None:
            kwargs["env"] = kwargs["env"] | _packages(Path(kwargs["cwd"]), downloads)
            super().__init__(_without_site(command), *args, **kwargs)

    lambda_runtime.subprocess = SimpleNamespace(**vars(subprocess) | {"Popen": Worker})
    lambda_runtime._PYTHON_WORKER_SCRIPT = _corrected(lambda_runtime._PYTHON_WORKER_SCRIPT)
    lambda_runtime.Worker._drain_stderr_bounded = _printed_up_to_mark
    signal_end = lambda_runtime._signal

    def measured_end(process: Any) -> None:
        if process is not None:
            process.peak_mb()
        signal_end(process)

    lambda_runtime._signal = measured_end
    # ministack reports the largest of all processes that ever ended, other functions' and our own helpers among them.
    lambda_svc._probe_peak_memory_mb = lambda _function: peak_mb()
    lambda_svc._emit_lambda_metrics = always_on_loop(lambda_svc._emit_lambda_metrics)
    _remember_the_worker()
    _correct_results()
    _limit_requests()


def _without_site(command: list[str]) -> list[str]:
    """Return the command that starts a Python without what is installed beside it, the emulator's own packages."""
    return [command[0], "-S", "-P", *command[1:]] if command[0] == sys.executable else command


def _packages(code: Path, downloads: dict[str, str]) -> dict[str, str]:
    """Return the variable with the folder of the locked packages built for this Python and computer.

    The package itself has them for Lambda's; its lock lists them.
    """
    lock = code / wheels.LOCK
    text = lock.read_text(encoding="utf-8", errors="replace") if lock.is_file() else ""
    return {_PACKAGES: str(wheels.local(text, downloads))} if wheels.is_locked(text) else {}


def _corrected(script: str) -> str:
    """Return the worker's program, which prints a mark after an invocation's output and survives exceptions.

    ministack ends a worker whose handler raised; AWS keeps the environment, and the next invocation is a warm start.
    """
    mark = f"        print({_MARK!r}, file=sys.__stderr__, flush=True)\n"
    last = "        _real_stdout.flush()\n\nrun()"
    failure = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
    kept = '{"status": "ok", "raised": type(e).__name__, "error": str(e), "trace": traceback.format_exc()}'
    path = "sys.path.insert(0, code_dir)"
    first = f"sys.path[:0] = [*filter(None, [os.environ.pop({_PACKAGES!r}, '')]), code_dir]"
    for old, new in ((last, mark + last), (failure, kept), (path, first)):
        if script.count(old) != 1:
            raise SystemExit(f"ministack's worker program is not the one that our corrections were made for: {old}")
        script = script.replace(old, new)
    return _RUNTIME + script


def _printed_up_to_mark(self: Any) -> str:
    """Return the invocation's output up to the mark. ministack waits for 50 ms after each instead, and may cut it."""
    lines: list[str] = []
    with contextlib.suppress(queue.Empty):
        while not (line := self._stderr_queue.get(timeout=1.0)).endswith(_MARK):
            lines.append(line)
        if unfinished := line.removesuffix(_MARK):
            lines.append(unfinished)
    return "\n".join(lines)


class Environment(subprocess.Popen[str]):
    """Worker process with an execution environment's log stream and peak memory."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        version = kwargs["env"].get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{version}]{uuid4().hex}"
        kwargs["env"] = kwargs["env"] | {"AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream}
        self._peak_mb = 0
        super().__init__(*args, **kwargs)
        _thread.environment = self

    def peak_mb(self) -> int:
        """Return the peak memory in MB, the last known one after its end."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            self._peak_mb = max(self._peak_mb, _resident_kb(self.pid) // 1024)
        return self._peak_mb


def _resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        # An ended process has no such line.
        return int(status.read_text().partition("VmHWM:")[2].split()[0])
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(done.stdout)


def current() -> Environment | None:
    """Return the environment of this thread's last invocation."""
    return getattr(_thread, "environment", None)


def peak_mb() -> int:
    """Return the peak memory of that environment, 0 when there is none."""
    environment = current()
    return environment.peak_mb() if environment else 0


def _remember_the_worker() -> None:
    run = lambda_runtime.Worker.invoke

    def remembering(self: Any, *args: Any, **kwargs: Any) -> Any:
        _thread.environment = self._proc
        response = run(self, *args, **kwargs)
        _thread.raised = response.get("raised")
        return response | {"status": "error"} if _thread.raised else response

    lambda_runtime.Worker.invoke = remembering


def _correct_results() -> None:
    run = lambda_svc._execute_function_warm

    def corrected(function: Any, event: Any, request_id: str) -> Any:
        _thread.raised = None
        result = run(function, event, request_id)
        if result.get("error"):
            # AWS's errorType is the exception's class; ministack's is Runtime.HandlerError for all of them.
            result["body"] |= {"errorType": _thread.raised} if _thread.raised else {}
        elif len(json.dumps(result.get("body"))) > _LARGEST_PAYLOAD + 100:
            message = f"Response payload size exceeded maximum allowed payload size ({_LARGEST_PAYLOAD + 100} bytes)."
            result |= {
                "error": True,
                "body": {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message},
            }
        return result

    lambda_svc._execute_function_warm = corrected


def _limit_requests() -> None:
    handle = lambda_svc.handle_request

    async def limited(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        """AWS takes 6 MB in a call that waits, 1 MB in one that does not; ministack takes anything."""
        if method == "POST" and path.endswith("/invocations"):
            kind = headers.get("x-amz-invocation-type") or "RequestResponse"
            limit = _LARGEST_EVENT if kind == "Event" else _LARGEST_PAYLOAD
            if len(body) > limit:
                message = f"{len(body)} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"
                return responses.error_response_json("RequestTooLargeException", message, 413)
        return await handle(method, path, headers, body, query)

    lambda_svc.handle_request = limited


def invoke(function: Any, event: dict[str, Any]) -> dict[str, Any]:
    """Invoke the function for an event source and count its metrics, which ministack omits there."""
    started = time.monotonic()
    result: dict[str, Any] = lambda_svc._execute_function(function, event)
    if not result.get("throttle"):
        name = function["config"]["FunctionName"]
        spent = (time.monotonic() - started) * 1000
        on_loop(lambda_svc._emit_lambda_metrics, name, spent, bool(result.get("error")), False)
    return result
