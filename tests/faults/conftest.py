"""An embedded AWS for each module, which rolls out, disturbs and tears down as it likes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import EmbeddedAws, running

if TYPE_CHECKING:
    from collections.abc import Iterator

# A shell makes what it starts in the background deaf to Ctrl-C, and so would be all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """An embedded AWS for this module alone."""
    with running(tmp_path_factory.mktemp("faults")) as aws:
        yield aws
