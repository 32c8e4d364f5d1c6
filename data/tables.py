"""A DynamoDB table that scales: on demand, or provisioned with autoscaling in both directions."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from data.outputs import TableOutputs
from foundation.model import Capacity, Table
from foundation.naming import Names

# Seconds between two scalings: out at once when load rises, in after it has stayed low.
SCALE_OUT_COOLDOWN = 0
SCALE_IN_COOLDOWN = 300
# Deleting a large table, or changing its stream or billing, may take longer than the provider's 10 minutes.
TIMEOUTS = pulumi.CustomTimeouts(create="30m", update="60m", delete="30m")


@dataclass(frozen=True, kw_only=True)
class ScalingTableArgs:
    """The table, names of the environment, tags. `on_demand` overrides declared capacities."""

    table: Table
    names: Names
    tags: dict[str, str]
    on_demand: bool = False
    point_in_time_recovery: bool = True


class ScalingTable(pulumi.ComponentResource):
    """A table and, unless it is billed on demand, the scalable targets and policies of its two directions."""

    outputs: TableOutputs

    def __init__(self, name: str, args: ScalingTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:data:ScalingTable", name, None, opts)
        declared = args.table
        # A valid declaration has both or neither.
        read, write = (None, None) if args.on_demand else (declared.read, declared.write)
        self._table = self._build_table(name, args, read, write)
        if read and write:
            self._build_autoscaling(f"{name}-read", "Read", read, args.tags)
            self._build_autoscaling(f"{name}-write", "Write", write, args.tags)
        self.outputs = TableOutputs(
            name=self._table.name,
            arn=self._table.arn,
            # A table without a stream may have no such output at all, and an output without a value is not exported.
            stream_arn=self._table.stream_arn.apply(lambda arn: arn or ""),
            billing=pulumi.Output.from_input("provisioned" if read and write else "on-demand"),
        )
        self.register_outputs(
            {"name": self.outputs.name, "arn": self.outputs.arn, "stream_arn": self.outputs.stream_arn}
        )

    def _build_table(
        self, name: str, args: ScalingTableArgs, read: Capacity | None, write: Capacity | None
    ) -> aws.dynamodb.Table:
        table = args.table
        keys = [key for key in (table.hash_key, table.range_key) if key]
        return aws.dynamodb.Table(
            name,
            name=args.names.table(table.name),
            billing_mode="PROVISIONED" if read and write else "PAY_PER_REQUEST",
            read_capacity=read and read.minimum,
            write_capacity=write and write.minimum,
            hash_key=table.hash_key,
            range_key=table.range_key,
            attributes=[{"name": key, "type": "S"} for key in keys],
            stream_enabled=table.stream,
            stream_view_type="NEW_IMAGE" if table.stream else None,
            ttl={"attribute_name": table.ttl_attribute, "enabled": True} if table.ttl_attribute else None,
            point_in_time_recovery={"enabled": args.point_in_time_recovery},
            server_side_encryption=None,  # encrypted with the key DynamoDB owns, free of charge
            tags=args.tags,
            # Autoscaling sets the capacity; a rollout must not reset it.
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=["readCapacity", "writeCapacity"], custom_timeouts=TIMEOUTS
            ),
        )

    def _build_autoscaling(self, name: str, direction: str, capacity: Capacity, tags: dict[str, str]) -> None:
        # Target from table, policy from target: created and deleted in order.
        target = aws.appautoscaling.Target(
            f"{name}-target",
            service_namespace="dynamodb",
            resource_id=self._table.name.apply("table/{}".format),
            scalable_dimension=f"dynamodb:table:{direction}CapacityUnits",
            min_capacity=capacity.minimum,
            max_capacity=capacity.maximum,
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.appautoscaling.Policy(
            f"{name}-policy",
            name=self._table.name.apply(f"scaling-{direction.lower()}-{{}}".format),
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            resource_id=target.resource_id,
            scalable_dimension=target.scalable_dimension,
            target_tracking_scaling_policy_configuration={
                "target_value": float(capacity.target_percent),
                "scale_in_cooldown": SCALE_IN_COOLDOWN,
                "scale_out_cooldown": SCALE_OUT_COOLDOWN,
                "predefined_metric_specification": {
                    "predefined_metric_type": f"DynamoDB{direction}CapacityUtilization"
                },
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
