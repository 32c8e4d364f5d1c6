"""A function that needs all that docs/what-functions-need.md describes: an action, a value, two secrets, a URL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from estate_tool.scaffold import catalog_file
from estate_tool.scaffold import function as scaffold
from foundation.model import Function

if TYPE_CHECKING:
    from pathlib import Path

NAME, BUCKET, INVOKER = "partner", "reports-{suffix}", "web-{suffix}"
PARAMETER, SECRET = "/shop/{suffix}/api-key", "shop-{suffix}-token"
_FIRST, _MORE = (
    "from foundation.grants import ActionGrant\n",
    """from foundation.secrets import Secret, SecretGrant
from foundation.urls import FunctionUrl
from foundation.values import PerEnvironment
""",
)
_NEEDS = f"""            grants=(
                SecretGrant(secret="api-key"),
                SecretGrant(secret="token"),
                ActionGrant(actions=("s3:PutObject",), resources=("arn:{{partition}}:s3:::{BUCKET}/*",)),
            ),
            environment={{"GREETING": PerEnvironment()}},
            url=FunctionUrl(invokers=("arn:{{partition}}:iam::{{account}}:role/{INVOKER}",)),
"""
_SECRETS = f"""    secrets=(
        Secret(name="api-key", parameter="{PARAMETER}"),
        Secret(name="token", secret="{SECRET}"),
    ),
"""
_SETTINGS = '''"""Environment variables of the function."""

from collections.abc import Mapping
from typing import NamedTuple

from shared import environment
from shared.environment import SecretName


class Settings(NamedTuple):
    """Exactly the variables that the function is given."""

    greeting: str
    api_key: SecretName
    token: SecretName

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """Read the settings; raise EnvironmentProblem naming the variable that is wrong."""
        return cls(
            environment.text(variables, "GREETING"),
            environment.secret(variables, "SECRET_API_KEY"),
            environment.secret(variables, "SECRET_TOKEN"),
        )
'''
_HANDLER = '''"""Keeps a greeting in a bucket, and answers with hashes of its secrets."""

import json
import os
from functools import lru_cache
from hashlib import sha256
from typing import Any

import boto3

from partner.settings import Settings
from shared import logs
from shared.deadline import Context, Deadline
from shared.logs import logger
from shared.secrets import Secret


class Service:
    """Keeps greetings."""

    def __init__(self, settings: Settings) -> None:
        self._greeting = settings.greeting
        self._secrets = [Secret(settings.api_key), Secret(settings.token)]
        self._s3 = boto3.client("s3")

    def run(self, bucket: str, deadline: Deadline) -> dict[str, Any]:
        """Keep a greeting; return it and the hashes of the secrets."""
        hashes = [sha256(secret.read(deadline).encode()).hexdigest() for secret in self._secrets]
        self._s3.put_object(Bucket=bucket, Key="greeting", Body=self._greeting.encode())
        logger.info("kept", extra={"bucket": bucket})
        return {"greeting": self._greeting, "hashes": hashes}


@lru_cache(maxsize=1)
def service() -> Service:
    """Return the function's one instance, set up from the environment."""
    logs.configure()
    return Service(Settings.from_environment(os.environ))


def handle(event: Any, context: Context) -> dict[str, Any]:
    """Answer a request to the URL."""
    answer = service().run(json.loads(event["body"])["bucket"], Deadline(context))
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)}
'''
_PAYLOAD = """\"\"\"Request to the URL that makes the function do all it can do.\"\"\"

PAYLOAD = {"body": '{"bucket": "reports"}'}
"""


def configuration(greeting: str) -> dict[str, Any]:
    """Return the value of compute:environment."""
    return {NAME: {"GREETING": greeting}}


def add(checkout: Path) -> None:
    """Add the function to a checkout, whose environments then have to set `configuration`."""
    description = "Keeps a greeting in a bucket."
    declared = Function(name=NAME, handler=f"{NAME}.handler.handle", description=description, timeout_seconds=20)
    scaffold.write(declared, checkout)
    catalog, declaration = checkout / "foundation" / "catalog.py", catalog_file.declaration(declared)
    text = catalog.read_text(encoding="utf-8")
    assert declaration in text
    text = text.replace(declaration, declaration.removesuffix("        ),\n") + _NEEDS + "        ),\n")
    text = text.rstrip().removesuffix(")") + _SECRETS + ")\n"
    text = re.sub(r"from foundation\.model import \([^)]*\)\n", rf"{_FIRST}\g<0>{_MORE}", text, count=1)
    catalog.write_text(text, encoding="utf-8")
    folder = checkout / "lambda_src" / NAME
    (folder / "settings.py").write_text(_SETTINGS, encoding="utf-8")
    (folder / "handler.py").write_text(_HANDLER, encoding="utf-8")
    tests = checkout / "tests" / "lambdas" / NAME
    (tests / "payload.py").write_text(_PAYLOAD, encoding="utf-8")
    (tests / f"test_{NAME}.py").unlink()  # what it does is tried in an account
