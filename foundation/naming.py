"""Names, ARNs and tags as pure functions of configuration, so that a layer can name resources of a higher one."""

import re
from dataclasses import dataclass

SUFFIX_RULE = "1-16 characters: lower-case letters, digits and single hyphens, not at either end"
NAME_RULE = "1-24 characters: lower-case letters, digits and single hyphens, starting with a letter"
# The alias of every function, which triggers and callers use.
ALIAS = "live"
_SUFFIX = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

# The longest kind (`dashboard`), name and suffix together stay within 64 characters, the tightest limit of
# the names used here (IAM roles and Lambda functions, AWS "Lambda quotas" and "IAM quotas").
MAX_SUFFIX = 16
MAX_NAME = 24


def is_valid_suffix(value: str) -> bool:
    """True if `value` may end every physical name of an environment (SUFFIX_RULE)."""
    return len(value) <= MAX_SUFFIX and _SUFFIX.fullmatch(value) is not None


def is_valid_name(value: str) -> bool:
    """True if `value` may name a function, table or queue of the catalog (NAME_RULE)."""
    return len(value) <= MAX_NAME and _NAME.fullmatch(value) is not None


@dataclass(frozen=True)
class Names:
    """Physical names of one environment: `{resource-type}-{component}-{environmentSuffix}`."""

    suffix: str

    def of(self, kind: str, component: str) -> str:
        """Return the name of a resource: `of("lambda", "ingest")` is `lambda-ingest-dev`."""
        return f"{kind}-{component}-{self.suffix}"

    def function(self, component: str) -> str:
        """Name of a Lambda function."""
        return self.of("lambda", component)

    def role(self, component: str) -> str:
        """Name of a function's execution role."""
        return self.of("role", component)

    def table(self, component: str) -> str:
        """Name of a DynamoDB table."""
        return self.of("table", component)

    def queue(self, component: str) -> str:
        """Name of a source queue."""
        return self.of("queue", component)

    def dead_letter_queue(self, component: str) -> str:
        """Name of the dead-letter queue of a queue or function."""
        return self.of("dlq", component)

    def schedule(self, component: str) -> str:
        """Name of a function's schedule, and of the schedule's group and role."""
        return self.of("schedule", component)

    def log_group(self, component: str) -> str:
        """Name of a function's log group: Lambda's default, so that there is no second one."""
        return f"/aws/lambda/{self.function(component)}"


@dataclass(frozen=True, kw_only=True)
class Arns:
    """ARNs built from deterministic names, for policies written before the resource exists."""

    names: Names
    account: str
    region: str
    partition: str = "aws"

    @classmethod
    def beside(cls, arn: str, names: Names) -> "Arns":
        """Return ARNs in the partition, region and account of a regional resource's ARN."""
        _, partition, _, region, account, _ = arn.split(":", 5)
        return cls(names=names, account=account, region=region, partition=partition)

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def table(self, component: str) -> str:
        """ARN of a table."""
        return self._arn("dynamodb", f"table/{self.names.table(component)}")

    def streams(self, component: str) -> str:
        """ARN pattern of a table's streams; a stream's own ARN ends in the time of its creation."""
        return f"{self.table(component)}/stream/*"

    def queue(self, component: str) -> str:
        """ARN of a source queue."""
        return self._arn("sqs", self.names.queue(component))

    def alias(self, component: str) -> str:
        """ARN of the alias of a function."""
        return self._arn("lambda", f"function:{self.names.function(component)}:{ALIAS}")

    def schedule_group(self, component: str) -> str:
        """ARN of the group of a function's schedule."""
        return self._arn("scheduler", f"schedule-group/{self.names.schedule(component)}")

    def dead_letter_queue(self, component: str) -> str:
        """ARN of a dead-letter queue."""
        return self._arn("sqs", self.names.dead_letter_queue(component))

    @property
    def alarms(self) -> str:
        """ARN pattern of the environment's alarms."""
        return self._arn("cloudwatch", f"alarm:{self.names.of('alarm', '*')}")

    def log_streams(self, component: str) -> str:
        """ARN pattern of the streams in a function's log group."""
        return self._arn("logs", f"log-group:{self.names.log_group(component)}:*")


# Characters and length AWS allows in a tag value ("Tagging your AWS resources": tag naming limits).
TAG_VALUE_RULE = "1-128 characters: letters, digits, spaces and + - = . _ : / @"
_TAG_VALUE = re.compile(r"[\w .:/=+\-@]{1,128}")

TAG_KEYS = ("Project", "Environment", "Layer", "Component", "Owner", "CostCenter", "ManagedBy")


def is_valid_tag_value(value: str) -> bool:
    """True if `value` can be a tag's value (TAG_VALUE_RULE)."""
    return bool(value.strip()) and _TAG_VALUE.fullmatch(value) is not None


@dataclass(frozen=True, kw_only=True)
class Tags:
    """Tags of all resources of an environment; a layer adds its own name and the component's."""

    project: str
    environment: str
    owner: str
    cost_center: str

    def of(self, layer: str, component: str) -> dict[str, str]:
        """Return all tags of a layer's resource; `component` is the workload it belongs to."""
        return {
            "Project": self.project,
            "Environment": self.environment,
            "Layer": layer,
            "Component": component,
            "Owner": self.owner,
            "CostCenter": self.cost_center,
            "ManagedBy": "pulumi",
        }
