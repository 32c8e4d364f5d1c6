"""The tool, `estate …`, with every call of its own and of its provider through the proxies of a test.

ESTATE_TEST_PROXIES names their ports: of the embedded AWS, and of application-autoscaling.
"""

from __future__ import annotations

import os
import sys

from estate_tool import cli
from local_aws import server

_real = server.environment


def _through_the_proxies(place: server.Place) -> dict[str, str]:
    ports = os.environ["ESTATE_TEST_PROXIES"].split(",")
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING")
    return _real(place) | {name: f"http://127.0.0.1:{port}" for name, port in zip(names, ports, strict=True)}


if __name__ == "__main__":
    server.environment = _through_the_proxies
    sys.exit(cli.main())
