"""Makes sure that what is done to a real environment is done to the account it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.errors import UsageError
from estate_tool.reaching import reaching
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from estate_tool.environment import Environment


def require_own_account(environment: Environment, layers: tuple[str, ...] = LAYER_NAMES) -> str:
    """The number of the account that the credentials are for.

    Raises UsageError unless `aws:allowedAccountIds` of each of the layers has it, and Failed when AWS does not tell.
    """
    with reaching(environment):
        account = str(environment.client("sts").get_caller_identity()["Account"])
    allowed = environment.configuration.allowed_accounts
    foreign = {layer: allowed[layer] for layer in layers if allowed.get(layer) and account not in allowed[layer]}
    if foreign:
        belongs = "; ".join(f"layer {layer} belongs to {', '.join(accounts)}" for layer, accounts in foreign.items())
        raise UsageError(
            f"the credentials are for account {account}, and environment {environment.name} is not in it: {belongs}; "
            "nothing was touched",
            f"sign in to the right account, or mend aws:allowedAccountIds in <layer>/Pulumi.{environment.name}.yaml",
        )
    unnamed = [layer for layer in layers if not allowed.get(layer)]
    if unnamed:
        files = ", ".join(f"{layer}/Pulumi.{environment.name}.yaml" for layer in unnamed)
        raise UsageError(
            f"the credentials are for account {account}, and nothing says that environment {environment.name} belongs "
            "there; nothing was touched",
            f'if it does, say so under config: in {files}:\naws:allowedAccountIds: ["{account}"]',
        )
    return account
