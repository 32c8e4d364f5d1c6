"""Makes sure that what is done to a real environment is done to the account it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core.aws_errors import reaching
from estate_tool.core.errors import UsageError
from estate_tool.core.paths import ROOT
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from estate_tool.core.environment import Environment


def known() -> list[str]:
    """The environments that some layer has a stack file for."""
    files = (path for layer in LAYER_NAMES for path in (ROOT / layer).glob("Pulumi.*.yaml"))
    return sorted({path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in files})


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
    if not any(allowed.values()) and environment.name not in known():
        raise UsageError(
            f"there is no environment {environment.name}: no layer has a file Pulumi.{environment.name}.yaml; "
            "nothing was touched",
            f"environments there are: {', '.join(known())}, and any local-NAME\n"
            "to make this one, in the account you are signed in to, write into "
            f"<layer>/Pulumi.{environment.name}.yaml, for each layer:\n"
            f'config: {{"aws:allowedAccountIds": ["{account}"]}}',
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
