"""Provisioned concurrency with autoscaling, and a higher minimum in peak hours."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from compute.config import Provisioning
from foundation.naming import Names

WORKDAYS = "MON-FRI"
MORNINGS_AFTER = "TUE-SAT"
# Environments start one by one: many of a slow function take longer than the provider's 15 minutes.
TIMEOUTS = pulumi.CustomTimeouts(create="30m", update="30m")


@dataclass(frozen=True, kw_only=True)
class ProvisionedConcurrencyArgs:
    """The function and its alias, the bounds and peak hours, the names of the environment, tags."""

    component: str
    function_name: pulumi.Input[str]
    alias_name: pulumi.Input[str]
    provisioning: Provisioning
    names: Names
    tags: dict[str, str]


class ProvisionedConcurrency(pulumi.ComponentResource):
    """Provisioned concurrency of an alias, scaled to its target utilization, with scheduled peak hours on workdays."""

    def __init__(self, name: str, args: ProvisionedConcurrencyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:compute:ProvisionedConcurrency", name, None, opts)
        config = aws.lambda_.ProvisionedConcurrencyConfig(
            f"{name}-config",
            function_name=args.function_name,
            qualifier=args.alias_name,
            provisioned_concurrent_executions=args.provisioning.minimum,
            # Autoscaling sets the number; its bounds are those of the target.
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=["provisionedConcurrentExecutions"], custom_timeouts=TIMEOUTS
            ),
        )
        target = aws.appautoscaling.Target(
            f"{name}-target",
            service_namespace="lambda",
            resource_id=pulumi.Output.concat("function:", config.function_name, ":", config.qualifier),
            scalable_dimension="lambda:function:ProvisionedConcurrency",
            min_capacity=args.provisioning.minimum,
            max_capacity=args.provisioning.maximum,
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        tracking = self._build_tracking(name, args, target)
        peak = args.provisioning
        # Peak hours over midnight end the next day, or Friday's would last all weekend.
        end_days = WORKDAYS if peak.peak_start_hour < peak.peak_end_hour else MORNINGS_AFTER
        start, end = f"{peak.peak_start_hour} ? * {WORKDAYS}", f"{peak.peak_end_hour} ? * {end_days}"
        # One after the other: AWS refuses concurrent changes of a target (ConcurrentUpdateException).
        rise = self._build_schedule(f"{name}-peak", args, target, ("peak", start, peak.peak_minimum), tracking)
        self._build_schedule(f"{name}-offpeak", args, target, ("offpeak", end, peak.minimum), rise)
        self.register_outputs({"target_id": target.resource_id})

    def _build_tracking(
        self, name: str, args: ProvisionedConcurrencyArgs, target: aws.appautoscaling.Target
    ) -> aws.appautoscaling.Policy:
        return aws.appautoscaling.Policy(
            f"{name}-policy",
            name=args.names.of("scaling", args.component),
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            resource_id=target.resource_id,
            scalable_dimension=target.scalable_dimension,
            target_tracking_scaling_policy_configuration={
                "target_value": args.provisioning.utilization_percent / 100,
                "predefined_metric_specification": {
                    "predefined_metric_type": "LambdaProvisionedConcurrencyUtilization"
                },
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _build_schedule(
        self,
        name: str,
        args: ProvisionedConcurrencyArgs,
        target: aws.appautoscaling.Target,
        phase: tuple[str, str, int],
        after: pulumi.Resource,
    ) -> aws.appautoscaling.ScheduledAction:
        """Set the lower bound at an hour of some days; this also scales in, which tracking does not without traffic."""
        title, when, minimum = phase
        return aws.appautoscaling.ScheduledAction(
            name,
            name=args.names.of("schedule", f"{args.component}-{title}"),
            service_namespace=target.service_namespace,
            resource_id=target.resource_id,
            scalable_dimension=target.scalable_dimension,
            schedule=f"cron(0 {when} *)",
            timezone=args.provisioning.timezone,
            scalable_target_action={"min_capacity": minimum, "max_capacity": args.provisioning.maximum},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[after]),
        )
