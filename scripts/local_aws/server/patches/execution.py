"""Lambda's execution environments: none outlives the emulator, and each tells its own peak memory and log stream."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local_aws.server import lifeline
from local_aws.server.patches.loop import always_on_loop, on_loop

_LIFELINE = "_ESTATE_WORKER_LIFELINE"
# Runs before the handler's module is loaded; a handler that computes on would otherwise notice nothing.
_WATCH = f"""
def _estate_watch():
    import os, threading
    descriptor = int(os.environ.pop("{_LIFELINE}"))
    def wait():
        try:
            os.read(descriptor, 1)
        finally:
            os._exit(0)
    threading.Thread(target=wait, daemon=True).start()
_estate_watch()
"""
# The emulator's own settings mean something else to a handler.
_NOT_FOR_HANDLERS = ("LOG_LEVEL", "AUTH", "PERSIST_STATE", "STATE_DIR", "BIND_HOST", "ESTATE_AWS_FOLDER", "SERVICES")

_thread = threading.local()


def apply() -> None:
    """Make the corrections."""
    for name in _NOT_FOR_HANDLERS:
        os.environ.pop(name, None)
    reader, _held_open_for_life = lifeline.open_lifeline()

    class Worker(Environment):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["env"] = kwargs["env"] | {_LIFELINE: str(reader)}
            super().__init__(*args, **kwargs, pass_fds=(reader,))

    lambda_runtime.subprocess = SimpleNamespace(**vars(subprocess) | {"Popen": Worker})
    lambda_runtime._PYTHON_WORKER_SCRIPT = _WATCH + lambda_runtime._PYTHON_WORKER_SCRIPT
    signal_end = lambda_runtime._signal

    def measured_end(process: Any) -> None:
        if process is not None:
            process.peak_mb()
        signal_end(process)

    lambda_runtime._signal = measured_end
    # ministack tells the largest of all processes that ever ended, other functions' and our own helpers among them.
    lambda_svc._probe_peak_memory_mb = lambda _function: current().peak_mb() if current() else 0
    lambda_svc._emit_lambda_metrics = always_on_loop(lambda_svc._emit_lambda_metrics)
    _remember_the_worker()
    _name_the_exception()


class Environment(subprocess.Popen[str]):
    """A worker process with what AWS knows of an execution environment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        version = kwargs["env"].get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{version}]{uuid4().hex}"
        kwargs["env"] = kwargs["env"] | {"AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream}
        self._peak_mb = 0
        super().__init__(*args, **kwargs)
        _thread.environment = self

    def peak_mb(self) -> int:
        """The most memory that it has had so far, in MB; what was last known once it has ended."""
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
    """The environment that this thread's last invocation ran in."""
    return getattr(_thread, "environment", None)


def _remember_the_worker() -> None:
    run = lambda_runtime.Worker.invoke

    def remembering(self: Any, *args: Any, **kwargs: Any) -> Any:
        _thread.environment = self._proc
        return run(self, *args, **kwargs)

    lambda_runtime.Worker.invoke = remembering


def _name_the_exception() -> None:
    run = lambda_svc._execute_function_warm

    def naming(function: Any, event: Any, request_id: str) -> Any:
        """AWS's errorType is the exception's class; ministack says Runtime.HandlerError for all of them."""
        result = run(function, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            last = (result.get("log") or "").rstrip().rpartition("\n")[2]
            name = last.partition(":")[0].rpartition(".")[2].strip()
            body["errorType"] = name if name.isidentifier() else "Exception"
        return result

    lambda_svc._execute_function_warm = naming


def invoke(function: Any, event: dict[str, Any]) -> dict[str, Any]:
    """Run the function for an event source, with the metrics that ministack leaves out there."""
    started = time.monotonic()
    result: dict[str, Any] = lambda_svc._execute_function(function, event)
    if not result.get("throttle"):
        name = function["config"]["FunctionName"]
        spent = (time.monotonic() - started) * 1000
        on_loop(lambda_svc._emit_lambda_metrics, name, spent, bool(result.get("error")), False)
    return result
