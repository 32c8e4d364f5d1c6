"""Layer 4: what tells a person how the estate is — alarms, the topic they go to, the dashboard, saved queries."""
