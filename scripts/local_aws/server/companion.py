"""The companion's process: moto for application-autoscaling, which ministack lacks, with its state kept on disk."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from local_aws.server import lifeline
from local_aws.server.ports import HOST, STATUS_PATH

if TYPE_CHECKING:
    from local_aws.server.autoscaling import Store

SAVED_STATE = "autoscaling.json"
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def main(_arguments: list[str]) -> int:
    """Serve until the supervisor says stop or is gone."""
    lifeline.watch(lambda: os._exit(0))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _leave_out_ecs()
    from moto.moto_server.werkzeug_app import create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    from local_aws.server import autoscaling

    folder = Path(os.environ["ESTATE_AWS_FOLDER"])
    store = autoscaling.Store(folder / SAVED_STATE)
    autoscaling.correct(store)
    try:
        store.restore()
    except ValueError as error:
        print(f"The saved state can't be used: {error}", flush=True)
        return 1

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """No line per request."""

    application = _wrap(create_backend_app("applicationautoscaling"), store, folder)
    port = int(os.environ["ESTATE_COMPANION_PORT"])
    make_server(HOST, port, application, threaded=True, request_handler=Quiet).serve_forever()
    return 0


def _leave_out_ecs() -> None:
    """moto asks ECS about scalable ECS services, of which the estate has none; importing it takes a second."""
    ecs = ModuleType("moto.ecs")
    ecs.ecs_backends = defaultdict(lambda: defaultdict(object))  # type: ignore[attr-defined]
    sys.modules["moto.ecs"] = ecs


def _wrap(inner: Application, store: Store, folder: Path) -> Application:
    """Answer for ourselves; else one request at a time, saved before it is answered."""
    turn = threading.Lock()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == STATUS_PATH:
            body = json.dumps({"home": str(folder.parent), "pid": os.getpid()}).encode()
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]
        with turn:
            answer = list(inner(environ, start_response))
            store.save()
            return answer

    return application
