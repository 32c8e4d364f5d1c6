"""An embedded AWS for each module, which rolls out, disturbs and tears down as it likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import EmbeddedAws, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """An embedded AWS for this module alone."""
    with running(tmp_path_factory.mktemp("faults")) as aws:
        yield aws
