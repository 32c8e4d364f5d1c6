"""CloudWatch of an environment: metrics, alarms, dashboards, fire drills."""
