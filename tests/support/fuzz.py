"""Number of fuzzed inputs: a few each time, ESTATE_FUZZ_EXAMPLES of them in the long run."""

import os

from hypothesis import HealthCheck, settings


def fuzzed() -> settings:
    """Return the settings of a fuzzing test: 100 examples unless another number is set, and no deadline."""
    return settings(
        max_examples=int(os.environ.get("ESTATE_FUZZ_EXAMPLES") or 100),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
