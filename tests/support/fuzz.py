"""Fuzzed inputs, a few each time, ESTATE_FUZZ_EXAMPLES of them in the long run; values of JSON."""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def fuzzed() -> settings:
    """Return the settings of a fuzzing test: 100 examples unless another number is set, and no deadline."""
    return settings(
        max_examples=int(os.environ.get("ESTATE_FUZZ_EXAMPLES") or 100),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
