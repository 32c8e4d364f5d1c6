"""The tool, `estate …`, with every call of its own and of its provider through the proxy of a test.

ESTATE_TEST_PROXY is its port.
"""

from __future__ import annotations

import os
import sys

from estate_tool import cli
from local_aws import server

_real = server.environment


def _through_the_proxy(place: server.Place) -> dict[str, str]:
    return _real(place) | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['ESTATE_TEST_PROXY']}"}


if __name__ == "__main__":
    server.environment = _through_the_proxy
    sys.exit(cli.main())
