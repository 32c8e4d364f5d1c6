"""Number of fuzzed inputs: a few each time, ESTATE_FUZZ_EXAMPLES of them in the long run."""

import os

from hypothesis import HealthCheck, settings


def fuzzed(usual: int = 100) -> settings:
    """Return the settings of a fuzzing test: `usual` examples, without a deadline for slow machines."""
    return settings(
        max_examples=int(os.environ.get("ESTATE_FUZZ_EXAMPLES") or usual),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
