"""Lambda's logs: a stream per execution environment, in the configured format, if the role may write it."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from local_aws.server.patches import access, execution
from local_aws.server.patches.target import cloudwatch_logs, get_account_id, get_region, lambda_svc, on_loop

logger = logging.getLogger("lambda-logs")
_thread = threading.local()


def apply() -> None:
    """Make the corrections."""
    lambda_svc._emit_lambda_logs = emit
    run = lambda_svc._execute_function_dispatch

    def with_platform_lines(*args: Any, **kwargs: Any) -> Any:
        """ministack answers `LogType=Tail` with what the handler printed; AWS has the report there too."""
        _thread.lines = []
        result = run(*args, **kwargs)
        if isinstance(result, dict) and _thread.lines:
            result["log"] = "\n".join(_thread.lines)
        return result

    lambda_svc._execute_function_dispatch = with_platform_lines


def emit(function: Any, request_id: str, text: str, error: bool, duration_ms: int, **_only_for_containers: Any) -> None:
    """Append an invocation's lines. Nothing of it may break the invocation."""
    environment = execution.current()
    stream = environment.log_stream if environment else f"no-environment/{request_id}"
    config = function.get("config") or function
    lines = _thread.lines = _lines(config, request_id, text, error, duration_ms)
    try:
        on_loop(_append, config, stream, lines)
    except Exception:
        logger.exception("the log of %s could not be written", config.get("FunctionName"))


def _append(config: dict[str, Any], stream_name: str, lines: list[str]) -> None:
    name = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{name}"
    role, now = config.get("Role", ""), int(time.time() * 1000)
    groups = cloudwatch_logs._log_groups
    if name not in groups:
        # Without the permission AWS writes nothing; a group that was deleted stays deleted.
        if access.refused(role, ("logs:CreateLogGroup",), arn):
            return
        groups[name] = {
            "arn": cloudwatch_logs._make_group_arn(name), "creationTime": now, "retentionInDays": None, "tags": {},
            "subscriptionFilters": {}, "streams": {},
        }  # fmt: skip
    create = () if stream_name in groups[name]["streams"] else ("logs:CreateLogStream",)
    if access.refused(role, (*create, "logs:PutLogEvents"), f"{arn}:log-stream:{stream_name}"):
        return
    stream = groups[name]["streams"].setdefault(
        stream_name,
        {
            "events": [], "uploadSequenceToken": "1", "creationTime": now, "firstEventTimestamp": None,
            "lastEventTimestamp": None, "lastIngestionTime": None,
        },
    )  # fmt: skip
    events = [{"timestamp": now, "message": line, "ingestionTime": now} for line in lines]
    cloudwatch_logs._append_log_events(stream, events)
    cloudwatch_logs._fanout_to_subscription_filters(name, stream_name, events)


def _lines(config: dict[str, Any], request_id: str, text: str, error: bool, duration_ms: int) -> list[str]:
    version, memory, peak_mb = config.get("Version", "$LATEST"), config.get("MemorySize", 128), execution.peak_mb()
    own = text.splitlines() if text else []
    if (config.get("LoggingConfig") or {}).get("LogFormat") == "JSON":
        metrics = {
            "durationMs": duration_ms, "billedDurationMs": duration_ms, "memorySizeMB": memory,
            "maxMemoryUsedMB": peak_mb,
        }  # fmt: skip
        status = "error" if error else "success"
        return [
            _platform("platform.start", {"requestId": request_id, "version": version}),
            *own,
            _platform("platform.report", {"requestId": request_id, "metrics": metrics, "status": status}),
        ]
    report = (
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms} ms\tBilled Duration: {duration_ms} ms\t"
        f"Memory Size: {memory} MB\tMax Memory Used: {peak_mb} MB"
    )
    return [f"START RequestId: {request_id} Version: {version}", *own, f"END RequestId: {request_id}", report]


def _platform(kind: str, record: dict[str, Any]) -> str:
    now = time.time()
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    return json.dumps({"time": moment, "type": kind, "record": record})
