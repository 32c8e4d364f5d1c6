"""Event source mappings: one loop polls for all mappings, instead of ministack's pollers.

ministack's take at most 10 messages, delete messages that a throttled function never saw, drop partial failures of
streams, ignore their retries and bisecting, block every queue while a stream's batch runs, and check no permissions.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from local_aws.server.patches import access, queues, stream_mapping
from local_aws.server.patches.target import arn, changed, concurrency, lambda_svc, quietly, request_scope, responses

logger = logging.getLogger("mappings")

# A turn in which nothing was to be done is followed by this much rest, or each message sent would cost one.
_REST = 0.02
_LONGEST_SLEEP = 1.0
_SOURCES = {"sqs": queues, "dynamodb": stream_mapping}
_PAUSE_AFTER_ERROR = 10.0
# How long a role's permissions are taken as known.
_PERMISSION_SECONDS = 0.5

Mapping = dict[str, Any]


def apply() -> None:
    """Make the corrections."""
    create, release = lambda_svc._create_esm, lambda_svc._release_esm_poll_state

    def checked_create(data: dict[str, Any]) -> Any:
        """Refuse what AWS refuses: a second mapping, a role without access, a large batch without a window."""
        return _refusal(data) or create(data)

    def release_all(mapping_id: str) -> None:
        release(mapping_id)
        _states.pop(mapping_id, None)

    lambda_svc._create_esm, lambda_svc._release_esm_poll_state = checked_create, release_all
    lambda_svc._ensure_poller = concurrency.esm_wake.set


class State:
    """Transient state of a mapping: batches under way and when to look again."""

    def __init__(self) -> None:
        self.under_way = 0
        self.not_before = 0.0
        self._waiting_since: float | None = None
        self.attempts = 0
        self.most = 0
        self._permitted_until = 0.0

    def left_of_window(self, mapping: Mapping, over: bool) -> float:
        """Return the seconds left of the batching window, which begins with the first record; 0 when it is over."""
        now, window = time.monotonic(), mapping.get("MaximumBatchingWindowInSeconds") or 0
        begun = self._waiting_since or now
        left = 0.0 if over else max(0.0, begun + window - now)
        self._waiting_since = begun if left else None
        return left

    def permitted(self, role: str, actions: tuple[str, ...], resource: str) -> bool:
        """True if the role may read the source; evaluated anew twice a second."""
        now = time.monotonic()
        if now > self._permitted_until:
            if access.refused(role, actions, resource):
                self.not_before = time.time() + _PERMISSION_SECONDS
                return False
            self._permitted_until = now + _PERMISSION_SECONDS
        return True


_states: dict[str, State] = {}


def start() -> None:
    """Start the loop; once the event loop runs and the state is restored."""
    threading.Thread(target=_run, daemon=True, name="mappings").start()


def _run() -> None:
    while True:
        concurrency.esm_wake.clear()
        pause = _LONGEST_SLEEP
        try:
            pause = quietly(_one_turn)
        except Exception:
            logger.exception("a turn of the event source mappings failed")
        if pause > _REST:
            time.sleep(_REST)
        concurrency.esm_wake.wait(max(0.0, min(pause, _LONGEST_SLEEP) - _REST))


def _one_turn() -> float:
    """Poll for every mapping; return the seconds until the next poll."""
    pause = _LONGEST_SLEEP
    for account, region, mapping in lambda_svc._iter_all_esms():
        source = _SOURCES.get(arn.parse_arn(mapping["EventSourceArn"]).service)
        if source is None or not mapping.get("Enabled", True):
            continue
        state = _states.setdefault(mapping["UUID"], State())
        try:
            with request_scope(account, region):
                pause = min(pause, _offer(mapping, source, state))
        except Exception:
            # A faulty mapping must not stop the others.
            logger.exception("the event source mapping %s can't go on", mapping["UUID"])
            state.not_before = time.time() + _PAUSE_AFTER_ERROR
    return pause


def _offer(mapping: Mapping, source: Any, state: State) -> float:
    if state.not_before > time.time():
        return state.not_before - time.time()
    # The alias is looked up for each batch: the next one runs the version that it points to by then.
    function, config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if function is None:
        return _LONGEST_SLEEP
    if not state.permitted(config["Role"], source.READ, mapping["EventSourceArn"]):
        mapping["LastProcessingResult"] = "PROBLEM: the function's role may not read the event source"
        return _LONGEST_SLEEP
    pause: float = source.take(mapping, state, function, config, _dispatch)
    return pause


def _dispatch(state: State, work: Callable[[], None]) -> None:
    """Run a batch in a thread of its own; the loop's next turn comes when it is done."""
    state.under_way += 1
    changed()

    def run() -> None:
        try:
            work()
        finally:
            with contextlib.suppress(RuntimeError):
                quietly(_finished, state)
            concurrency.esm_wake.set()

    concurrency.spawn_background(run, thread_name="mapping")


def _finished(state: State) -> None:
    state.under_way -= 1


def _refusal(data: dict[str, Any]) -> Any:
    name, qualifier, error = lambda_svc._resolve_existing_esm_function(data.get("FunctionName", ""))
    source_arn = data.get("EventSourceArn", "")
    service = source_arn.split(":")[2] if source_arn.count(":") >= 5 else ""
    if error or service not in _SOURCES:
        return error
    same = (esm for esm in lambda_svc._esms.values() if esm["EventSourceArn"] == source_arn)
    existing = next((esm for esm in same if (esm["FunctionName"], esm["Qualifier"]) == (name, qualifier)), None)
    if existing is not None:
        message = f"A mapping of {source_arn} to {name} already exists, with UUID {existing['UUID']}."
        return responses.error_response_json("ResourceConflictException", message, 409)
    _, config = lambda_svc._get_func_record_for_qualifier(name, qualifier)
    message = _SOURCES[service].refusal(data, config)
    return responses.error_response_json("InvalidParameterValueException", message, 400) if message else None
