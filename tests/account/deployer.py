"""A user with the policies that `estate permissions` prints and no others, and calls that IAM has to deny them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.account.account import ENVIRONMENT
from tests.integration.attacks import DENIED
from tests.support import needing

if TYPE_CHECKING:
    from tests.account.account import Account, Checkout

DEPLOYER = "deployer-of-dev"
# Environments beside this one: of another name, of one that begins with ours, and of one that ends with it.
OTHERS = ("prod", "dev-b", "x-dev")


def comparable(policy: dict[str, Any]) -> dict[str, Any]:
    """Return the policy without what this emulator can't compare: the ARNs of alarms, and the functions of mappings.

    Which actions are allowed stays; the names in those statements are compared by policy-sentry.
    """
    return {**policy, "Statement": [_comparable(statement) for statement in policy["Statement"]]}


def _comparable(statement: dict[str, Any]) -> dict[str, Any]:
    unknown = ("cloudwatch:", "application-autoscaling:")
    actions = statement["Action"] if statement["Effect"] == "Allow" else []
    if any(action.startswith(unknown) or "EventSourceMapping" in action for action in actions):
        return {key: value for key, value in statement.items() if key != "Condition"} | {"Resource": "*"}
    return statement


@dataclass(frozen=True)
class Deployer:
    """A user with the printed managed policies and nothing else."""

    account: Account
    keys: tuple[str, str]

    def checkout(self, **variables: Any) -> Checkout:
        """Copy the checkout; its commands have the deployer's permissions."""
        file = str(self.account.folder / "deployer-config")
        return _needing(self.account.checkout(AWS_CONFIG_FILE=file, **variables))


def create(account: Account) -> Deployer:
    """Create the user, with the policies that are printed for a checkout."""
    iam = account.aws.client("iam")
    printed = _needing(account.checkout())("scripts/estate", "permissions", ENVIRONMENT, "--json")
    iam.create_user(UserName=DEPLOYER)
    for number, policy in enumerate(json.loads(printed.stdout)["policies"], start=1):
        made = iam.create_policy(PolicyName=f"printed-{number}", PolicyDocument=json.dumps(comparable(policy)))
        iam.attach_user_policy(UserName=DEPLOYER, PolicyArn=made["Policy"]["Arn"])
    key = iam.create_access_key(UserName=DEPLOYER)["AccessKey"]
    keys = (key["AccessKeyId"], key["SecretAccessKey"])
    profile = (account.folder / "aws-config").read_text()
    for name, part in zip(("aws_access_key_id", "aws_secret_access_key"), keys, strict=True):
        profile, replaced = re.subn(rf"^{name} = .*$", f"{name} = {part}", profile, flags=re.M)
        assert replaced == 1
    (account.folder / "deployer-config").write_text(profile)
    return Deployer(account, keys)


def _needing(made: Checkout) -> Checkout:
    """Add a function that needs an action, a value, secrets and a URL."""
    needing.add(made.root)
    made.configure(compute__environment=needing.configuration("hello"))
    return made


def create_others(account: Account) -> None:
    """Create a log group, a queue and a table of each of the other environments."""
    logs, sqs, tables = (account.aws.client(service) for service in ("logs", "sqs", "dynamodb"))
    for suffix in OTHERS:
        tags = {"Environment": suffix}
        logs.create_log_group(logGroupName=f"/aws/lambda/lambda-query-{suffix}", tags=tags)
        sqs.create_queue(QueueName=f"dlq-query-{suffix}", tags=tags)
        tables.create_table(
            TableName=f"table-events-{suffix}", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            Tags=[{"Key": "Environment", "Value": suffix}],
        )  # fmt: skip


def attacks(account: Account, keys: tuple[str, str]) -> dict[str, Any]:
    """Return calls to try with the deployer's keys: on other environments, on data, on the user's own permissions."""

    def client(service: str) -> Any:
        return account.aws.client(service, *keys)

    sqs, logs, functions, tables, iam = (client(each) for each in ("sqs", "logs", "lambda", "dynamodb", "iam"))
    tried: dict[str, Any] = {
        "invokes a function": lambda: functions.invoke(FunctionName="lambda-query-dev:live", Payload=b"{}"),
        "reads an item": lambda: tables.get_item(TableName="table-events-dev", Key={"event_key": {"S": "a"}}),
        "reads all items": lambda: tables.scan(TableName="table-events-dev"),
        "reads logs": lambda: logs.filter_log_events(logGroupName="/aws/lambda/lambda-query-dev"),
        "widens its policy": lambda: iam.put_user_policy(UserName=DEPLOYER, PolicyName="more", PolicyDocument="{}"),
        "makes a user": lambda: iam.create_user(UserName="another"),
    }
    queue = f"{account.aws.endpoint}/123456789012/dlq-query-"
    for suffix in OTHERS:
        group = f"/aws/lambda/lambda-query-{suffix}"
        tried[f"deletes logs of {suffix}"] = lambda group=group: logs.delete_log_group(logGroupName=group)
        if suffix.endswith("-dev"):
            continue  # distinguished by its tags, which this emulator compares for logs alone
        tried |= {
            f"deletes a queue of {suffix}": lambda suffix=suffix: sqs.delete_queue(QueueUrl=queue + suffix),
            f"opens a queue of {suffix}": lambda suffix=suffix: sqs.set_queue_attributes(
                QueueUrl=queue + suffix, Attributes={"VisibilityTimeout": "1"}
            ),
            f"deletes a table of {suffix}": lambda suffix=suffix: tables.delete_table(
                TableName=f"table-events-{suffix}"
            ),
            f"makes a role of {suffix}": lambda suffix=suffix: iam.create_role(
                RoleName=f"role-query-{suffix}", AssumeRolePolicyDocument="{}"
            ),
            f"changes a function of {suffix}": lambda suffix=suffix: functions.update_function_configuration(
                FunctionName=f"lambda-query-{suffix}", MemorySize=256
            ),
        }
    return tried


def is_denied(attempt: Any) -> bool:
    """True if AWS denies it; any other answer means that it would have been allowed."""
    try:
        attempt()
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIED
    return False
