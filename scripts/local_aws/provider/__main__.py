"""The plugin as an executable: prints its port and serves until the engine ends."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from local_aws.provider import start
from local_aws.provider.protocol import use_bare_stubs

_WATCH_SECONDS = 1.0


def main() -> None:
    """Serve; the first argument is the file that keeps the derived schema."""
    engine = os.getppid()
    use_bare_stubs()
    running = start(schema_cache=Path(sys.argv[1]))
    print(running.port, flush=True)
    threading.Thread(target=_stop_without_engine, args=(engine, running.stop), daemon=True).start()
    running.wait()


def _stop_without_engine(engine: int, stop: Callable[[], None]) -> None:
    """Stop when the parent process changes: an engine that was killed can't stop its plugins."""
    never = threading.Event()
    while os.getppid() == engine:
        never.wait(_WATCH_SECONDS)
    stop()


if __name__ == "__main__":
    main()
