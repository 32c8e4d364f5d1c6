"""Guard of the account that a real environment belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core.aws_errors import reaching
from estate_tool.core.errors import UsageError
from estate_tool.core.paths import ROOT
from foundation.stack_files import environments, name_of

if TYPE_CHECKING:
    from estate_tool.core.environment import Environment


def require_own_account(environment: Environment) -> str:
    """Return the number of the account that the credentials are for.

    Raises UsageError unless `aws:allowedAccountIds` of the environment has it, and Failed when AWS does not answer.
    """
    with reaching(environment):
        account = str(environment.client("sts").get_caller_identity()["Account"])
    allowed = environment.configuration.allowed_accounts
    file = name_of(environment.name)
    if account in allowed:
        return account
    if allowed:
        raise UsageError(
            f"the credentials are for account {account}, and environment {environment.name} is not in it: it belongs "
            f"to {', '.join(allowed)}; nothing was touched",
            f"sign in to the right account, or correct aws:allowedAccountIds in {file}",
            code="account",
        )
    known = environments(ROOT)
    if environment.name not in known:
        raise UsageError(
            f"there is no environment {environment.name}: there is no file {file}; nothing was touched",
            f"environments there are: {', '.join(known)}, and any local-NAME\n"
            f"to make this one, in the account you are signed in to, write into {file}:\n"
            f'config: {{"aws:allowedAccountIds": ["{account}"]}}',
            code="account",
        )
    raise UsageError(
        f"the credentials are for account {account}, and environment {environment.name} names "
        "no account; nothing was touched",
        f'if it belongs there, add under config: in {file}:\naws:allowedAccountIds: ["{account}"]',
        code="account",
    )
