"""The tool, `estate …`, with every call of its own and of its provider through the proxy of a test.

ESTATE_TEST_PROXY is its port.
"""

from __future__ import annotations

import os
import sys

from estate_tool import cli
from estate_tool.core import embedded

_real = embedded.environment


def _through_the_proxy(place: embedded.LocalAwsPaths) -> dict[str, str]:
    return _real(place) | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['ESTATE_TEST_PROXY']}"}


if __name__ == "__main__":
    embedded.environment = _through_the_proxy
    sys.exit(cli.main())
