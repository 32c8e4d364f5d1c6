"""Fixtures of simulations with many invocations."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def quiet() -> Iterator[None]:
    """Mute the logs of thousands of invocations, and make their pauses repeatable."""
    random.seed(1)
    logging.getLogger("estate").setLevel(logging.CRITICAL + 1)
    yield
    logging.getLogger("estate").setLevel(logging.NOTSET)
